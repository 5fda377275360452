import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { toTimestamp } from "../../core/time.ts";
import { ClusterSchema } from "../../gen/berth/v1/cluster_pb.ts";
import { type Worker, WorkerSchema, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { failed, passed } from "../../lib/checks/check-result.ts";
import { fakeMachine } from "../testing/fake-machine.ts";
import { examineCluster } from "./cluster-checks.ts";
import { isAtLeast } from "./engine-checks.ts";
import type { Finding } from "./finding.ts";
import type { Machine } from "./machine.ts";
import { examineMachine } from "./machine-checks.ts";

const where = { host: "127.0.0.1", port: 7070 };

async function findings(machine: Partial<Machine>, health = passed): Promise<readonly Finding[]> {
  const examined = await examineMachine(
    { ...fakeMachine, ...machine },
    {
      ...{ dockerHost: undefined, stateFolder: "/state", version: "0.1.0" },
      ...{ ports: [{ name: "manager", flag: "--manager-listen", where }] },
      ...{ etcd: [{ host: "10.0.0.1", port: 2379 }], checkHealth: async () => health },
    },
  );
  return examined.findings;
}

const found = (all: readonly Finding[], check: string) =>
  all
    .filter((finding) => finding.check === check)
    .map(({ status, words }) => `${status}: ${words}`);

const withInfo = (facts: object): Partial<Machine> => ({
  async askEngine(socket, path) {
    const { body } = await fakeMachine.askEngine(socket, path);
    return { status: 200, body: JSON.stringify({ ...JSON.parse(body), ...facts }) };
  },
});
const withFile = (wanted: string, text: string): Partial<Machine> => ({
  read: async (path) => (path === wanted ? text : fakeMachine.read(path)),
});
const withSpace = (availableBytes: number): Partial<Machine> => ({
  folder: async (path) => ({ path, isWritable: true, availableBytes, totalBytes: 2 ** 40 }),
});
const fail = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }));

describe("a machine", () => {
  test("on which all is well has no finding but good ones", async () => {
    expect((await findings({})).filter(({ status }) => status !== "ok")).toEqual([]);
  });

  test.each<[string, Partial<Machine>, string, string]>([
    ["whose Node is old", { nodeVersion: "20.9.1" }, "node", "problem: 20.9.1 is too old"],
    ["without an engine", { askEngine: fail("ENOENT") }, "engine", "problem: no container engine"],
    [
      "that may not ask it",
      { askEngine: fail("EACCES") },
      "engine",
      "problem: no container engine",
    ],
    [
      "whose engine is old",
      withInfo({ ApiVersion: "1.39" }),
      "engine",
      "problem: docker 27.3.1 speaks API 1.39",
    ],
    [
      "with the cgroups of old",
      withInfo({ CgroupVersion: "1" }),
      "cgroups",
      "warning: the engine uses v1",
    ],
    [
      "without memory limits",
      withInfo({ MemoryLimit: false }),
      "memory limits",
      "warning: are not enforced",
    ],
    [
      "without process limits",
      withInfo({ PidsLimit: false }),
      "process limits",
      "warning: are not enforced",
    ],
    ["without seccomp", withInfo({ SecurityOptions: [] }), "seccomp", "warning: is off"],
    [
      "whose containers end with the engine",
      withInfo({ LiveRestoreEnabled: false }),
      "live restore",
      "warning: is off",
    ],
    ["whose disk is full", withSpace(1e6), "room for images", "problem: 977 KiB of 1 TiB are free"],
    ["whose disk fills", withSpace(2 ** 36), "room for state", "warning: 64 GiB of 1 TiB are free"],
    [
      "with few files",
      withFile("/proc/self/limits", "Max open files  1024  4096  files"),
      "open files",
      "warning: a process may have 4096",
    ],
    [
      "with few processes",
      withFile("/proc/sys/kernel/pid_max", "4096\n"),
      "processes",
      "warning: this machine has 4096",
    ],
    [
      "that forwards nothing",
      withFile("/proc/sys/net/ipv4/ip_forward", "0\n"),
      "ip forwarding",
      "problem: is off",
    ],
    [
      "without a controller",
      withFile("/sys/fs/cgroup/cgroup.controllers", "cpu io pids\n"),
      "controllers",
      "warning: the kernel offers no memory",
    ],
    [
      "that knows no names",
      { resolve: fail("ENOTFOUND") },
      "names",
      "warning: registry-1.docker.io cannot be resolved",
    ],
    [
      "that reaches no registry",
      { fetch: fail("ECONNREFUSED") },
      "pulls",
      "warning: https://registry-1.docker.io does not answer",
    ],
    [
      "whose mirror is ill",
      { fetch: async () => ({ status: 502, body: "" }) },
      "pulls",
      "warning: https://registry-1.docker.io answers with 502",
    ],
    [
      "that may not listen",
      { isTaken: fail("EACCES") },
      "port 7070",
      "warning: cannot be listened on: EACCES",
    ],
    [
      "whose manager is another version",
      { fetch: async () => ({ status: 200, body: 'berth_build_info{version="0.0.9"} 1' }) },
      "port 7070",
      "warning: a manager serves at 127.0.0.1:7070: it is 0.0.9",
    ],
    [
      "whose store is away",
      { reach: fail("ECONNREFUSED") },
      "store",
      "problem: nobody listens at 10.0.0.1:2379",
    ],
  ])("%s is told so, and what to do", async (_what, machine, check, words) => {
    const all = await findings(machine);
    expect(found(all, check)).toEqual([expect.stringContaining(words)]);
    for (const { status, remedy } of all)
      if (status === "warning" || status === "problem") expect(remedy).not.toBe("");
  });

  test("asks the engine's mirror, not the hub, where it has one", async () => {
    const all = await findings(
      withInfo({ RegistryConfig: { Mirrors: ["https://mirror.example/"] } }),
    );
    expect(found(all, "pulls")).toEqual(["ok: https://mirror.example/ answers"]);
  });

  test("whose port somebody else has is told who may be asked", async () => {
    const all = await findings({}, failed("no answer in time"));
    expect(found(all, "port 7070")[0]).toMatch(/^warning: is taken at 127.0.0.1/);
  });
});

const NOW = 1_800_000_000_000;

const workerOf = (
  id: string,
  init: { aheadMs?: number; version?: string; state?: WorkerState },
): Worker =>
  create(WorkerSchema, {
    id,
    linked: true,
    presence: {
      workerId: id,
      state: init.state ?? WorkerState.UP,
      heardTime: toTimestamp(NOW),
      description: { version: init.version ?? "0.1.0" },
      metrics: { observeTime: toTimestamp(NOW + (init.aheadMs ?? 0)), engineHealthy: true },
    },
  });

function ofCluster(
  workers: readonly Worker[],
  init: { observeMs?: number; version?: string; brakeReason?: string } = {},
) {
  const { observeMs = NOW, version = "0.1.0", brakeReason = "" } = init;
  const cluster = create(ClusterSchema, {
    ...{ id: "c1", version, brakeReason, observeTime: toTimestamp(observeMs) },
  });
  return examineCluster({
    ...{ addr: "h:1", cluster, workers, version: "0.1.0", askMs: NOW - 100, answerMs: NOW + 100 },
  }).findings;
}

describe("a cluster", () => {
  test("whose clocks and versions agree is well", () => {
    const all = ofCluster([
      workerOf("w1", { aheadMs: -9_000 }),
      workerOf("w2", { aheadMs: 1_000 }),
    ]);
    expect(all.every(({ status }) => status === "ok")).toBe(true);
  });

  test.each([
    [10_000, "9.9 s ahead of"],
    [-10_000, "9.9 s behind"],
  ])("whose manager's clock is off by %d ms is told by how much at least", (ms, words) => {
    expect(found(ofCluster([workerOf("w1", {})], { observeMs: NOW + ms }), "clocks")).toEqual([
      `warning: the manager's is ${words} this machine's`,
    ]);
  });

  test("whose workers' clocks are off is told which, those that are down left out", () => {
    const down = workerOf("w3", { aheadMs: -3_600_000, state: WorkerState.DOWN });
    const workers = [
      workerOf("w1", { aheadMs: 5_000 }),
      workerOf("w2", { aheadMs: -60_000 }),
      down,
    ];
    expect(found(ofCluster(workers), "clocks")[1]).toBe(
      "warning: of workers, against their registry's: w1 is 5 s ahead, w2 is 60 s behind",
    );
  });

  test("of several versions is told which are where", () => {
    const workers = ["w1", "w2", "w3", "w4", "w5", "w6"].map((id) =>
      workerOf(id, { version: "0.0.9" }),
    );
    expect(found(ofCluster(workers, { version: "0.2.0" }), "versions")).toEqual([
      "warning: this command is 0.1.0: 0.2.0 on the manager; 0.0.9 on w1, w2, w3, w4, w5, 1 more",
    ]);
  });

  test("without workers, or with none that is ready, has a problem", () => {
    expect(found(ofCluster([]), "workers")).toEqual(["problem: there are none: no task can run"]);
    const down = workerOf("w1", { state: WorkerState.DOWN });
    expect(found(ofCluster([down]), "workers")).toEqual(["problem: 0 of 1 are ready"]);
  });

  test("whose brake is on has a problem", () => {
    const all = ofCluster([workerOf("w1", {})], { brakeReason: "3 of 4 went at once" });
    expect(found(all, "brake")).toEqual(["problem: 3 of 4 went at once"]);
  });
});

test.each([
  ["1.41", true],
  ["1.100", true],
  ["2.0", true],
  ["1.9", false],
  ["", false],
  ["x.y", false],
])("version %s is at least 1.41: %s", (text, expected) => {
  expect(isAtLeast(text, "1.41")).toBe(expected);
});
