import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import { exitCodes } from "../../cli/exit-codes.ts";
import { systemClock } from "../../lib/clock.ts";
import { ensureImage, TEST_IMAGE } from "../e2e/engine.ts";
import { identityOf } from "./audit.ts";
import { eventually } from "./eventually.ts";
import { faultTest } from "./needs.ts";
import { isRunning, type Rig, SLEEPER, startRig } from "./rig.ts";
import { tool } from "./shell.ts";
import { breakCalls } from "./syscalls.ts";

jest.setTimeout(120_000);

let rig: Rig | undefined;
/** File systems to be unmounted, the latest first. */
let mounts: string[] = [];

beforeAll(() => ensureImage());
afterEach(async () => {
  // Lazily: who has files open there keeps them, and the folder can be removed.
  for (const folder of mounts) await tool("umount", "-l", folder);
  mounts = [];
  await rig?.stop();
  rig = undefined;
});

/** A small disk at a folder. */
async function mountDisk(folder: string, size: string): Promise<void> {
  mkdirSync(folder, { mode: 0o700 });
  await tool("mount", "-t", "tmpfs", "-o", `size=${size},mode=0700`, "tmpfs", folder);
  mounts.unshift(folder);
}

/** A cluster whose manager keeps its state on a small disk. */
async function startOnDisk(size: string): Promise<Rig> {
  rig = await startRig({ isCold: true });
  await mountDisk(rig.manager.stateDir, size);
  for (const role of [rig.registry, rig.manager, ...rig.workers]) role.start();
  await rig.workersReady(1);
  return rig;
}

/** Submits until a submission is not acknowledged. Answers with what was. */
async function submitUntilRefused({ client, history }: Rig, spec: object): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let i = 0; i < 2_000; i++) {
    try {
      const request = { spec: { ...SLEEPER, image: TEST_IMAGE, ...spec } };
      const { task } = await client.submitTask(request, { timeoutMs: 5_000 });
      if (task) acknowledged.push(task.id);
    } catch (error) {
      if (acknowledged.length === 0) throw error;
      for (const id of acknowledged) history.noteSubmit(id);
      return acknowledged;
    }
  }
  throw new Error("the disk never was full");
}

faultTest(
  "a full disk under the store stops the manager; what it acknowledged is there",
  ["root", "mount"],
  async () => {
    // Without a worker: these tasks are to be many, and are not to run.
    rig = await startRig({ isCold: true });
    const { manager, client } = rig;
    await mountDisk(manager.stateDir, "4m");
    manager.start();
    await eventually("the manager serves", () => client.getCluster({}, { timeoutMs: 1_000 }));
    const env = { FILLER: "x".repeat(30_000) };
    const acknowledged = await submitUntilRefused(rig, { command: ["true"], env });
    expect(await manager.ended()).toEqual({ code: exitCodes.storeFailed, signal: null });
    await tool("mount", "-o", "remount,size=256m", manager.stateDir);
    manager.start();
    await eventually("the manager serves", () => client.getCluster({}, { timeoutMs: 1_000 }));
    for (const taskId of acknowledged)
      expect((await client.getTask({ taskId })).task?.id).toBe(taskId);
  },
);

faultTest(
  "a flush that fails stops the manager; what it acknowledged is there",
  ["root", "strace"],
  async () => {
    rig = await startRig();
    const { manager, client } = rig;
    const { id } = await rig.sleeper();
    const before = identityOf(await rig.container(id));
    const trouble = await breakCalls(manager.pid, "fsync,fdatasync,msync:error=EIO");
    const acknowledged = await submitUntilRefused(rig, { command: ["true"] }).catch(() => []);
    expect(await manager.ended()).toEqual({ code: exitCodes.storeFailed, signal: null });
    await trouble.stop();
    manager.start();
    await eventually("the manager serves", () => client.getCluster({}, { timeoutMs: 1_000 }));
    for (const taskId of acknowledged)
      expect((await client.getTask({ taskId })).task?.id).toBe(taskId);
    await rig.agrees();
    expect(identityOf(await rig.container(id))).toEqual(before);
  },
);

faultTest(
  "a disk that is slow to flush makes answers slow and loses no worker",
  ["root", "strace"],
  async () => {
    rig = await startRig();
    const { id } = await rig.sleeper();
    const before = identityOf(await rig.container(id));
    const trouble = await breakCalls(rig.manager.pid, "fsync,fdatasync,msync:delay_enter=300000");
    await Promise.all(Array.from({ length: 5 }, () => rig?.submit({ command: ["true"] })));
    await trouble.stop();
    await rig.agrees();
    expect(identityOf(await rig.container(id))).toEqual(before);
  },
);

faultTest(
  "a manager killed in the middle of a flush keeps what it acknowledged",
  ["root", "strace"],
  async () => {
    rig = await startRig();
    const { manager, client } = rig;
    const trouble = await breakCalls(manager.pid, "fdatasync:signal=SIGKILL:when=6");
    const acknowledged = await submitUntilRefused(rig, { command: ["true"] });
    await manager.ended();
    await trouble.stop();
    manager.start();
    await eventually("the manager serves", () => client.getCluster({}, { timeoutMs: 1_000 }));
    expect(acknowledged.length).toBeGreaterThan(0);
    await rig.agrees();
  },
);

faultTest(
  "a manager does not start on a store that it cannot write, and says so",
  ["root", "mount"],
  async () => {
    const { manager } = await startOnDisk("64m");
    const { id } = await (rig as Rig).sleeper();
    await manager.kill();
    await tool("mount", "-o", "remount,ro", manager.stateDir);
    manager.start();
    const { code } = await manager.ended();
    expect(code).not.toBe(0);
    expect(manager.log()).toMatch(/error: the manager cannot start: .*/);
    await tool("mount", "-o", "remount,rw", manager.stateDir);
    manager.start();
    await rig?.agrees();
    expect((await rig?.container(id))?.running).toBe(true);
  },
);

faultTest(
  "a worker whose disk is full refuses what it cannot note, and its containers run on",
  ["root", "mount"],
  async () => {
    rig = await startRig({ isCold: true });
    const [worker] = rig.workers;
    await mountDisk(worker?.stateDir ?? "", "128k");
    for (const role of [rig.registry, rig.manager, ...rig.workers]) role.start();
    await rig.workersReady(1);
    const { id } = await rig.sleeper();
    const before = identityOf(await rig.container(id));
    const filler = join(worker?.stateDir ?? "", "filler");
    expect(() => writeFileSync(filler, Buffer.alloc(1024 * 1024))).toThrow("ENOSPC");
    // The next manager has a higher epoch, and the worker must note it before it obeys.
    await rig.manager.kill();
    rig.manager.start();
    const late = await rig.submit(SLEEPER);
    await systemClock.sleep(3_000);
    expect(worker?.isAlive()).toBe(true);
    rmSync(filler);
    await rig.task(late.id, isRunning);
    await rig.agrees();
    expect(identityOf(await rig.container(id))).toEqual(before);
  },
);

test("two managers on one store folder: the second is refused, the first goes on", async () => {
  rig = await startRig();
  const { manager } = rig;
  const second = await startRig({ isCold: true });
  try {
    second.manager.start({
      flags: [
        ...["--listen", second.manager.address, "--registry", rig.registry.address],
        ...["--state-dir", manager.stateDir],
      ],
    });
    const { code } = await second.manager.ended();
    expect(code).toBe(exitCodes.storeFailed);
    expect(second.manager.log()).toMatch(/in use by process \d+|is used by process \d+/);
  } finally {
    await second.stop();
  }
  await rig.sleeper();
  await rig.agrees();
});

test("a store folder that others can look into is refused", async () => {
  rig = await startRig();
  await rig.manager.stop();
  chmodSync(join(rig.manager.stateDir, "manager"), 0o755);
  rig.manager.start();
  expect((await rig.manager.ended()).code).toBe(exitCodes.storeFailed);
  chmodSync(join(rig.manager.stateDir, "manager"), 0o700);
  rig.manager.start();
  await rig.workersReady(1);
});

test("a store that is gone makes another cluster, which the workers do not obey", async () => {
  rig = await startRig();
  const { manager } = rig;
  const { id } = await rig.sleeper();
  const before = identityOf(await rig.container(id));
  await manager.stop();
  await tool("mv", manager.stateDir, `${manager.stateDir}-kept`);
  manager.start();
  await eventually("the new manager serves", async () => {
    const { cluster } = await (rig as Rig).client.getCluster({}, { timeoutMs: 1_000 });
    return cluster?.workerCount === 1;
  });
  await systemClock.sleep(2_000);
  expect(identityOf(await rig.container(id))).toEqual(before);
  await manager.stop();
  rmSync(manager.stateDir, { recursive: true });
  await tool("mv", `${manager.stateDir}-kept`, manager.stateDir);
  manager.start();
  await rig.workersReady(1);
  await rig.agrees();
  expect(identityOf(await rig.container(id))).toEqual(before);
});
