import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, expect, jest } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { ensureImage } from "../e2e/engine.ts";
import { identityOf } from "./audit.ts";
import { faketimeLibrary, faultTest } from "./needs.ts";
import { type Rig, SLEEPER, startRig } from "./rig.ts";
import { tool } from "./shell.ts";
import { noteTrace } from "./traces.ts";

jest.setTimeout(120_000);

let rig: Rig;
beforeAll(() => ensureImage());
afterEach(() => rig.stop());

const identities = async () =>
  (await rig.containers()).filter(({ running }) => running).map(identityOf);

faultTest(
  "a manager that runs out of file descriptors loses nothing, and serves again",
  ["prlimit"],
  async () => {
    rig = await startRig();
    await rig.sleeper();
    const before = await identities();
    const restore = await allowNoMoreFiles(rig.manager.pid);
    const strangers = Array.from({ length: 5 }, () =>
      fetch(`http://${rig.manager.address}/`, { signal: AbortSignal.timeout(1_000) }),
    );
    await Promise.allSettled(strangers);
    await rig.submit({ command: ["true"] });
    expect(rig.manager.isAlive()).toBe(true);
    await restore();
    await rig.agrees();
    expect(await identities()).toEqual(expect.arrayContaining(before));
  },
);

faultTest(
  "a worker that runs out of file descriptors keeps its containers, and starts more later",
  ["prlimit"],
  async () => {
    rig = await startRig();
    await rig.sleeper();
    const before = await identities();
    const restore = await allowNoMoreFiles(rig.workers[0]?.pid ?? 0);
    const { id } = await rig.submit({ ...SLEEPER });
    await systemClock.sleep(2_000);
    expect(rig.workers[0]?.isAlive()).toBe(true);
    await restore();
    await rig.task(id, ({ state }) => state >= TaskState.RUNNING);
    expect(await identities()).toEqual(expect.arrayContaining(before));
  },
);

faultTest(
  "a manager with a twentieth of a core for five leases declares no worker lost",
  ["root", "cgroup"],
  async () => {
    rig = await startRig({ workers: [{}, {}], leaseMs: 2_000 });
    await rig.sleepers(3);
    const before = await identities();
    const release = starve(rig.manager.pid);
    try {
      await systemClock.sleep(10_000);
    } finally {
      release();
    }
    await rig.agrees();
    expect(await identities()).toEqual(expect.arrayContaining(before));
    const { cluster } = await rig.client.getCluster({});
    expect(cluster?.readyWorkerCount).toBe(2);
  },
);

faultTest(
  "a clock that steps two days ahead and back again moves and removes nothing",
  ["faketime"],
  async () => {
    rig = await startRig({ isCold: true, workers: [{}, {}] });
    const file = join(rig.folder, "time");
    writeFileSync(file, "+0\n");
    const env = {
      LD_PRELOAD: faketimeLibrary() ?? "",
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
    for (const role of [rig.registry, rig.manager, ...rig.workers]) role.start({ env });
    await rig.workersReady(2);
    const ended = await rig.submit({ command: ["true"] });
    await rig.task(ended.id, ({ state }) => state === TaskState.COMPLETED);
    await rig.sleepers(3);
    const before = await identities();
    for (const step of ["+172800", "-86400", "+0"]) {
      writeFileSync(file, `${step}\n`);
      await systemClock.sleep(2_000);
      await rig.sleeper();
    }
    await rig.agrees();
    expect(await identities()).toEqual(expect.arrayContaining(before));
  },
);

/** Gives a process and its threads 5 % of a core until the result is called. */
function starve(pid: number): () => void {
  const name = `berth-faults-${pid}`;
  const isFirstVersion = existsSync("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  const root = isFirstVersion ? "/sys/fs/cgroup/cpu" : "/sys/fs/cgroup";
  const folder = join(root, name);
  if (!isFirstVersion) writeFileSync(join(root, "cgroup.subtree_control"), "+cpu");
  noteTrace("cgroup", folder);
  mkdirSync(folder);
  if (isFirstVersion) writeFileSync(join(folder, "cpu.cfs_quota_us"), "5000");
  else writeFileSync(join(folder, "cpu.max"), "5000 100000");
  writeFileSync(join(folder, "cgroup.procs"), String(pid));
  return () => {
    writeFileSync(join(root, "cgroup.procs"), String(pid));
    rmdirSync(folder);
  };
}

/** A process may open no file beyond those that it has, until the result is called. */
async function allowNoMoreFiles(pid: number): Promise<() => Promise<void>> {
  const limits = readFileSync(`/proc/${pid}/limits`, "utf8");
  const [, soft = "1024"] = /Max open files\s+(\d+)/.exec(limits) ?? [];
  const open = readdirSync(`/proc/${pid}/fd`).length;
  const set = (limit: string) => tool("prlimit", `--pid=${pid}`, `--nofile=${limit}:`);
  await set(String(open));
  return async () => void (await set(soft));
}
