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
import { freePort } from "../free-port.ts";

jest.setTimeout(180_000);

const BERTH = new URL("../../bin/berth", import.meta.url).pathname;
const PATIENCE_MS = 60_000;
const run = promisify(execFile);

/** Processes whose containers are hollow: what DNS says has nothing to do with Docker. */
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
  const bySrv = `srv:_registry._tcp.berth@127.0.0.1:${dnsPort}`;
  start("worker", "--listen", "127.0.0.1:0", "--registry", bySrv, ...hollow);
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

/** What dig prints. */
async function ask(name: string, type: string, ...options: string[]): Promise<string> {
  const server = ["@127.0.0.1", "-p", String(dnsPort), "+tries=2"];
  return (await run("dig", [...server, ...options, name, type])).stdout;
}

/** What dig makes of an answer: its status, and each record without its TTL, in order. */
async function dig(name: string, type: string, ...options: string[]) {
  const sections = ["+noall", "+comments", "+answer", "+authority"];
  const stdout = await ask(name, type, ...sections, ...options);
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
    labels: { "berth.dns/name": `${name}-shop` },
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
  for (const owner of ["_http._tcp", "_80._tcp"].flatMap((port) => [
    `${port}.${name}.task.berth`,
    `${port}.${name}-shop.task.berth`,
  ]))
    expect(await asked(owner, "SRV")).toEqual(
      [1, 2, 3].map((n) =>
        expect.stringMatching(new RegExp(`^${owner}. SRV 0 1 \\d+ w-000${n}.worker.berth.$`)),
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

test("tasks of several names are found by the label that they share", async () => {
  const [one, two] = ["blue", "green"].map((name) =>
    manager.submitTask({
      spec: { image: "web:1", name, labels: { "berth.dns/name": "live" }, ports },
    }),
  );
  const count = async (name: string) => (await recordsOf(`${name}.task.berth`, "SRV")).length;
  await until(async () => (await count("live")) === 2 && (await count("blue")) === 1);
  await manager.stopTask({ taskId: (await one)?.task?.id ?? "" });
  await until(async () => (await dig("blue.task.berth", "A")).status === "NXDOMAIN");
  expect(await count("live")).toBe(1);
  await manager.stopTask({ taskId: (await two)?.task?.id ?? "" });
  await until(async () => (await dig("live.task.berth", "A")).status === "NXDOMAIN");
});

const ports = [{ containerPort: 80 }];

test("an answer that is too long says so over UDP, and TCP has all of it", async () => {
  const spec = { image: "web:1", name: "many", ports };
  await Promise.all(Array.from({ length: 40 }, () => manager.submitTask({ spec })));
  const name = "_80._tcp.many.task.berth";
  // dig asks again over TCP by itself.
  await until(async () => (await recordsOf(name, "SRV")).length === 40);
  const cut = (...options: string[]) => ask(name, "SRV", "+ignore", ...options);
  const bytesOf = (text: string) => Number(/MSG SIZE\s+rcvd: (\d+)/.exec(text)?.[1]);
  const plain = await cut("+noedns");
  const extended = await cut("+bufsize=4096");
  for (const text of [plain, extended]) expect(text).toMatch(/flags: qr aa tc rd;/);
  expect(bytesOf(plain)).toBeLessThanOrEqual(512);
  expect(bytesOf(extended)).toBeGreaterThan(512);
  expect(bytesOf(extended)).toBeLessThanOrEqual(1_232);
  expect(extended).toMatch(/^_80\._tcp\.many\.task\.berth\. 5\s+IN\s+SRV/m);
});

test("the command line finds the managers by name", async () => {
  const addr = `srv:_manager._tcp.berth@127.0.0.1:${dnsPort}`;
  const { stdout } = await run(process.execPath, [BERTH, "workers", "-q", "--addr", addr]);
  expect(stdout.trim().split("\n").sort()).toEqual(["w-0001", "w-0002", "w-0003"]);
});

test("a registry passes on what is another's, if it is told whom to ask", async () => {
  const [listen, at] = [`127.0.0.1:${await freePort()}`, await freePort()];
  const others = ["--dns-zone", "other", "--dns-forward", `127.0.0.1:${dnsPort}`];
  start("registry", "--listen", listen, "--dns-listen", `127.0.0.1:${at}`, ...others);
  const asked = () => recordsOf("w-0001.worker.berth", "A", "-p", String(at));
  await until(async () => (await asked())[0] === "w-0001.worker.berth. A 127.0.0.1");
  expect((await dig("task.other", "A", "-p", String(at))).records).toEqual([
    SOA.replaceAll("berth.", "other."),
  ]);
});

test("what is elsewhere is refused", async () => {
  expect(await dig("example.org", "A")).toEqual({ status: "REFUSED", records: [] });
});
