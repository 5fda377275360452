import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { type Channel, openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { freePort } from "./cluster.ts";

jest.setTimeout(180_000);

const BERTH = new URL("../../bin/berth", import.meta.url).pathname;
const PATIENCE_MS = 60_000;
const run = promisify(execFile);

/** Three processes whose containers are hollow: what DNS says has nothing to do with Docker. */
const processes: ChildProcess[] = [];
const folder = mkdtempSync(join(tmpdir(), "berth-dns-"));
let channel: Channel;
let manager: Client<typeof ManagerService>;
let dnsPort: number;

beforeAll(async () => {
  const [registry, at] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  dnsPort = await freePort();
  const dns = ["--dns-listen", `127.0.0.1:${dnsPort}`, "--dns-manager", at];
  start("registry", "--listen", registry, ...dns);
  start("manager", "--listen", at, "--registry", registry, "--state-dir", folder);
  const hollow = ["--runtime", "hollow", "--count", "3", "--worker-id", "w"];
  start("worker", "--listen", "127.0.0.1:0", "--registry", registry, ...hollow);
  channel = openChannel({ address: at, clock: systemClock, log: silentLog });
  manager = createClient(ManagerService, channel);
  await until(async () => {
    const { cluster } = await manager.getCluster({}, { timeoutMs: 2_000 });
    return cluster?.readyWorkerCount === 3;
  });
});

afterAll(async () => {
  channel?.close();
  for (const child of processes.toReversed()) {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await gone;
  }
  rmSync(folder, { recursive: true });
});

function start(...args: string[]): void {
  const all = [BERTH, ...args, "--log-level", "warn"];
  processes.push(spawn(process.execPath, all, { stdio: "ignore" }));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const endMs = systemClock.monotonic() + PATIENCE_MS;
  while (!(await holds().catch(() => false))) {
    if (systemClock.monotonic() > endMs) throw new Error(`it never happened: ${holds}`);
    await systemClock.sleep(50);
  }
}

/** What dig makes of an answer: its status, and each record without its TTL, in order. */
async function dig(name: string, type: string, ...options: string[]) {
  const sections = ["+noall", "+comments", "+answer", "+authority"];
  const server = ["@127.0.0.1", "-p", String(dnsPort), "+tries=2"];
  const { stdout } = await run("dig", [...server, ...sections, ...options, name, type]);
  const records = stdout
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith(";"))
    .map((line) => line.replace(/\s+\d+\s+IN\s+/, " ").replace(/\s+/g, " "));
  return { status: /status: (\w+)/.exec(stdout)?.[1], records: records.sort() };
}

const recordsOf = async (name: string, type: string, ...options: string[]) =>
  (await dig(name, type, ...options)).records;

const SOA = "berth. SOA registry.berth. hostmaster.berth. 1 3600 600 86400 5";

/** Three of one name, one on each worker: their ports are those of the machine, so alike. */
async function submitWeb(image: string, name: string): Promise<readonly string[]> {
  const spec = {
    image,
    name,
    ports: [{ containerPort: 80, name: "http" }],
    readinessProbe: {
      check: { case: "tcp" as const, value: { port: 80 } },
      interval: durationFromMs(100),
    },
  };
  const submitted = Array.from({ length: 3 }, () => manager.submitTask({ spec }));
  return (await Promise.all(submitted)).map(({ task }) => task?.id ?? "");
}

test.each([[[]], [["+tcp"]], [["+noedns"]]])("every name is found with dig %j", async (options) => {
  const name = `web${options.length}${options[0]?.length ?? 0}`;
  const ids = await submitWeb("web:1", name);
  const asked = (what: string, type: string) => recordsOf(what, type, ...options);
  await until(async () => (await asked(`${name}.task.berth`, "SRV")).length === 3);
  expect(await asked(`${name}.task.berth`, "A")).toEqual([`${name}.task.berth. A 127.0.0.1`]);
  for (const port of ["_http._tcp", "_80._tcp"])
    expect(await asked(`${port}.${name}.task.berth`, "SRV")).toEqual(
      [1, 2, 3].map((n) =>
        expect.stringMatching(
          new RegExp(`^${port}.${name}.task.berth. SRV 0 1 \\d+ w-000${n}.worker.berth.$`),
        ),
      ),
    );
  expect(await asked("w-0001.worker.berth", "A")).toEqual(["w-0001.worker.berth. A 127.0.0.1"]);
  expect(await asked("_manager._tcp.berth", "SRV")).toEqual([
    expect.stringMatching(/^_manager._tcp.berth. SRV 0 1 \d+ 1.manager.berth.$/),
  ]);
  expect(await asked("_registry._tcp.berth", "SRV")).toHaveLength(1);
  expect(await asked("berth", "SOA")).toEqual([SOA]);
  expect(await dig(`${name}.task.berth`, "AAAA", ...options)).toEqual({
    status: "NOERROR",
    records: [SOA],
  });
  for (const taskId of ids) await manager.stopTask({ taskId });
  await until(async () => {
    const { status, records } = await dig(`${name}.task.berth`, "A", ...options);
    return status === "NXDOMAIN" && records.join() === SOA;
  });
});

test("a task that is not ready has no name", async () => {
  await submitWeb("web:healthy-after-1000.unready-after-4000", "late");
  await until(async () => (await dig("late.task.berth", "A")).status === "NOERROR");
  await until(async () => (await dig("late.task.berth", "A")).status === "NXDOMAIN");
});

test("what is elsewhere is refused", async () => {
  expect(await dig("example.org", "A")).toEqual({ status: "REFUSED", records: [] });
});
