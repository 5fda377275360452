import { createServer } from "node:net";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type LogEntry, LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import {
  FailureReason,
  NetworkMode,
  type TaskSpec,
  TaskSpecSchema,
} from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { createDockerRuntime } from "../../services/worker/docker-runtime.ts";
import type { LogSelection, Owner } from "../../services/worker/runtime.ts";
import { engineSocket, ensureImage, openEngine, removeContainers, TEST_IMAGE } from "./engine.ts";

jest.setTimeout(60_000);

const owner: Owner = { clusterId: "e2e", workerId: `docker-runtime-${process.pid}` };
const stranger: Owner = { ...owner, workerId: `${owner.workerId}-stranger` };
const ADDRESS = "127.0.0.1";

const runtime = createDockerRuntime({
  socketPath: engineSocket(),
  clock: systemClock,
  log: silentLog,
  publishAddress: ADDRESS,
});
const engine = openEngine();

let taskCount = 0;
const nextKey = () => ({ taskId: `e2e-${process.pid}-${++taskCount}`, attempt: 1 });

type SpecInit = Exclude<MessageInitShape<typeof TaskSpecSchema>, TaskSpec>;
const specOf = (init: SpecInit) =>
  create(TaskSpecSchema, { name: "web", image: TEST_IMAGE, ...init });
const shell = (script: string): SpecInit => ({ command: ["sh", "-c"], args: [script] });

/** The same for every container that only has to be there. It ends at once when asked to. */
const IDLE = shell("trap 'exit 0' TERM; sleep 300 & wait");

const createOne = (init: SpecInit, key = nextKey()) => runtime.create(key, specOf(init), owner);

async function startOne(init: SpecInit): Promise<string> {
  const id = await createOne(init);
  await runtime.start(id);
  return id;
}

async function runToEnd(init: SpecInit): Promise<string> {
  const id = await startOne(init);
  await engine.getContainer(id).wait();
  return id;
}

async function exitOf(id: string) {
  const state = (await runtime.inspect(id))?.state;
  if (state?.kind !== "exited") throw new Error(`container ${id} is ${state?.kind}`);
  return state.exit;
}

beforeAll(async () => {
  await ensureImage();
});
afterEach(async () => {
  await Promise.all([removeContainers(owner), removeContainers(stranger)]);
});

describe("the life of a container", () => {
  test("goes from created to running to exited", async () => {
    const key = nextKey();
    const id = await createOne({ ...IDLE, ports: [{ containerPort: 80, name: "http" }] }, key);
    expect(await runtime.inspect(id)).toEqual({
      containerId: id,
      key,
      name: "web",
      state: { kind: "created" },
    });

    const startMs = systemClock.now();
    await runtime.start(id);
    const running = (await runtime.inspect(id))?.state;
    if (running?.kind !== "running") throw new Error("it does not run");
    expect(Math.abs(running.startTimeMs - startMs)).toBeLessThan(30_000);
    expect(running.ports).toHaveLength(1);
    expect(running.ports[0]).toMatchObject({
      containerPort: 80,
      hostAddress: ADDRESS,
      hostPort: expect.any(Number),
      name: "http",
    });

    await runtime.stop(id, 30_000);
    const exit = await exitOf(id);
    expect(exit).toMatchObject({ exitCode: 0, oomKilled: false, error: "" });
    expect(exit.finishTimeMs).toBeGreaterThanOrEqual(exit.startTimeMs ?? Number.NaN);

    await runtime.remove(id);
    expect(await runtime.inspect(id)).toBeUndefined();
  });

  test("tells the code it ended with", async () => {
    expect((await exitOf(await runToEnd(shell("exit 7")))).exitCode).toBe(7);
  });

  test("tells that the kernel killed it for its memory", async () => {
    const greedy = { command: ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"] };
    const id = await runToEnd({ ...greedy, limit: { memoryBytes: 8n << 20n } });
    expect(await exitOf(id)).toMatchObject({ exitCode: 137, oomKilled: true });
  });

  test("gives the process its environment, arguments, folder and user", async () => {
    const id = await runToEnd({
      ...shell('echo "$GREETING $0 $(id -u) $PWD"'),
      args: ['echo "$GREETING $0 $(id -u) $PWD"', "zero"],
      env: { GREETING: "a=b c" },
      workingDir: "/tmp",
      user: "12:34",
    });
    expect(text(await readAll(id, {}))).toBe("a=b c zero 12 /tmp\n");
  });

  test("every verb can be repeated", async () => {
    const key = nextKey();
    const id = await createOne(IDLE, key);
    expect(await createOne(IDLE, key)).toBe(id);
    await runtime.start(id);
    await runtime.start(id);
    await runtime.stop(id, 5_000);
    await runtime.stop(id, 5_000);
    await runtime.remove(id);
    await runtime.remove(id);
    await runtime.stop(id, 0);
  });

  test("one that ignores the signal is killed after its grace", async () => {
    const id = await startOne(shell("trap '' TERM; while true; do sleep 1; done"));
    await runtime.stop(id, 900);
    expect((await exitOf(id)).exitCode).toBe(137);
  });

  test("is stopped with the signal that the spec names", async () => {
    const id = await startOne({
      ...shell("trap 'exit 5' INT; while true; do sleep 0.1; done"),
      stopSignal: "SIGINT",
    });
    await runtime.stop(id, 30_000);
    expect((await exitOf(id)).exitCode).toBe(5);
  });

  test("is not removed while it runs", async () => {
    const id = await startOne(IDLE);
    await expect(runtime.remove(id)).rejects.toMatchObject({ name: "RuntimeError" });
    expect((await runtime.inspect(id))?.state.kind).toBe("running");
  });
});

describe("a container that cannot be", () => {
  test("of an image that is not here", async () => {
    await expect(createOne({ image: "berth-test/no-such-image:1" })).rejects.toMatchObject({
      kind: FailureReason.IMAGE_NOT_FOUND,
    });
  });

  test("of a limit that the engine refuses", async () => {
    await expect(createOne({ ...IDLE, limit: { memoryBytes: 1n } })).rejects.toMatchObject({
      kind: FailureReason.CREATE_FAILED,
      message: expect.stringMatching(/memory/i),
    });
  });

  test.each<[string, SpecInit, RegExp]>([
    ["of a command that does not exist", { command: ["no-such-command"] }, /no-such-command/],
    ["of a command that is no program", { command: ["/tmp"] }, /permission denied|directory/],
    ["of a user that does not exist", { ...IDLE, user: "nobody-here" }, /user/],
    ["of a folder that is a file", { ...IDLE, workingDir: "/bin/sh" }, /dir/],
  ])("%s", async (_, init, words) => {
    const id = await createOne(init).catch((error: unknown) => error);
    const failure = typeof id === "string" ? await runtime.start(id).catch((e) => e) : id;
    expect(failure).toMatchObject({
      name: "RuntimeError",
      kind: expect.any(Number),
      message: expect.stringMatching(words),
    });
    expect([FailureReason.START_FAILED, FailureReason.CREATE_FAILED]).toContain(failure.kind);
  });

  test("whose start failed is told from one that was not started", async () => {
    const id = await createOne({ command: ["no-such-command"] });
    await expect(runtime.start(id)).rejects.toMatchObject({ kind: FailureReason.START_FAILED });
    expect(await exitOf(id)).toMatchObject({
      exitCode: 127,
      error: expect.stringContaining("no-such-command"),
      startTimeMs: undefined,
    });
  });

  test("of a port that another container has", async () => {
    const first = await startOne({ ...IDLE, ports: [{ containerPort: 80 }] });
    const state = (await runtime.inspect(first))?.state;
    if (state?.kind !== "running") throw new Error("it does not run");
    const hostPort = state.ports[0]?.hostPort ?? 0;
    const second = await createOne({ ...IDLE, ports: [{ containerPort: 80, hostPort }] });
    await expect(runtime.start(second)).rejects.toMatchObject({
      kind: FailureReason.PORT_CONFLICT,
    });
  });

  test("of a port that a process of the machine has", async () => {
    const server = createServer().listen(0, ADDRESS);
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const hostPort = typeof address === "object" && address ? address.port : 0;
    try {
      const id = await createOne({ ...IDLE, ports: [{ containerPort: 80, hostPort }] });
      await expect(runtime.start(id)).rejects.toMatchObject({ kind: FailureReason.PORT_CONFLICT });
    } finally {
      server.close();
    }
  });

  test("because it was removed before it started", async () => {
    const id = await createOne(IDLE);
    await engine.getContainer(id).remove();
    await expect(runtime.start(id)).rejects.toMatchObject({
      kind: FailureReason.REMOVED_EXTERNALLY,
    });
  });

  test("because somebody else's has its name", async () => {
    const key = nextKey();
    await runtime.create(key, specOf(IDLE), stranger);
    await expect(createOne(IDLE, key)).rejects.toMatchObject({
      kind: FailureReason.CREATE_FAILED,
      message: expect.stringContaining("is not this attempt's"),
    });
  });

  test("because its image's registry is out of reach", async () => {
    const signal = new AbortController().signal;
    await expect(runtime.pull("127.0.0.1:1/none/such:1", signal)).rejects.toMatchObject({
      kind: FailureReason.IMAGE_PULL_FAILED,
      message: expect.stringContaining("connection refused"),
    });
  });
});

describe("the walls around a container", () => {
  test("it has no more than the contract gives it", async () => {
    const id = await runToEnd({
      ...shell("cat /proc/self/status; cat /sys/fs/cgroup/pids/pids.max || true"),
      limit: { memoryBytes: 64n << 20n, cpuMillis: 250n },
    });
    const { HostConfig } = await engine.getContainer(id).inspect();
    expect(HostConfig).toMatchObject({
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      PidsLimit: 512,
      Memory: 64 << 20,
      CpuPeriod: 100_000,
      CpuQuota: 25_000,
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
      Privileged: false,
      Binds: null,
    });
    const status = text(await readAll(id, {}));
    expect(status).toMatch(/NoNewPrivs:\s+1/);
    const capabilities = BigInt(`0x${/CapBnd:\s+(\w+)/.exec(status)?.[1]}`);
    const NET_RAW = 13n;
    expect((capabilities >> NET_RAW) & 1n).toBe(0n);
  });

  test("labels of users cannot pretend to be Berth's", async () => {
    const key = nextKey();
    const labels = { "dev.berth.worker": "other", zone: "a" };
    const id = await createOne({ ...IDLE, labels }, key);
    const { Config } = await engine.getContainer(id).inspect();
    expect(Config.Labels).toMatchObject({
      "dev.berth.worker": owner.workerId,
      "dev.berth.label.dev.berth.worker": "other",
      "dev.berth.label.zone": "a",
    });
  });

  test("on the host's network its ports are the host's", async () => {
    const id = await startOne({
      ...IDLE,
      networkMode: NetworkMode.HOST,
      ports: [{ containerPort: 8123, name: "http" }],
    });
    expect((await runtime.inspect(id))?.state).toMatchObject({
      ports: [{ containerPort: 8123, hostPort: 8123, hostAddress: ADDRESS, name: "http" }],
    });
  });
});

describe("list", () => {
  test("finds the owner's containers in every state, and nobody else's", async () => {
    const created = await createOne(IDLE);
    const running = await startOne(IDLE);
    const exited = await runToEnd(shell("exit 3"));
    await runtime.create(nextKey(), specOf(IDLE), stranger);
    const found = await runtime.list(owner);
    expect(new Map(found.map(({ containerId, state }) => [containerId, state.kind]))).toEqual(
      new Map([
        [created, "created"],
        [running, "running"],
        [exited, "exited"],
      ]),
    );
  });
});

describe("watch", () => {
  let control = new AbortController();
  let watched = owner;
  beforeEach(() => {
    control = new AbortController();
    // A watch repeats the last second: no test may see the containers of the one before.
    watched = { ...owner, workerId: nextKey().taskId };
  });
  afterEach(async () => {
    control.abort();
    await removeContainers(watched);
  });
  const begin = (whose: Owner) => runtime.watch(whose, control.signal)[Symbol.asyncIterator]();

  test("hints at a start, and at a removal behind its back", async () => {
    const hints = begin(watched);
    expect((await hints.next()).value).toEqual({ kind: "resync" });
    const key = nextKey();
    const containerId = await runtime.create(key, specOf(IDLE), watched);
    await runtime.start(containerId);
    const hint = { kind: "container", containerId, key };
    expect((await hints.next()).value).toEqual(hint);
    await engine.getContainer(containerId).remove({ force: true });
    while ((await runtime.inspect(containerId)) !== undefined) {
      expect((await hints.next()).value).toEqual(hint);
    }
  });

  test("says nothing of other owners' containers", async () => {
    const hints = begin(watched);
    await hints.next();
    await startOne(IDLE);
    const key = nextKey();
    await runtime.start(await runtime.create(key, specOf(IDLE), watched));
    expect((await hints.next()).value).toMatchObject({ kind: "container", key });
  });

  test("ends when nobody wants it any more", async () => {
    const hints = begin(watched);
    await hints.next();
    control.abort();
    expect(await hints.next()).toEqual({ done: true, value: undefined });
  });
});

describe("logs", () => {
  const SPEAKER = shell("echo one; echo two >&2; echo three");

  test("are told apart by stream, with their times", async () => {
    const id = await runToEnd(SPEAKER);
    expect(text(await readAll(id, { stderr: false }))).toBe("one\nthree\n");
    const [entry] = await readAll(id, { stdout: false });
    expect(entry?.stream).toBe(LogStream.STDERR);
    const second = Number(entry?.time?.seconds ?? 0n);
    expect(Math.abs(second * 1000 - systemClock.now())).toBeLessThan(60_000);
  });

  test("can be cut to their tail, or to what is new", async () => {
    const id = await runToEnd(shell("echo early; sleep 1.1; echo late"));
    expect(text(await readAll(id, { tail: 1 }))).toBe("late\n");
    expect(text(await readAll(id, { tail: 0 }))).toBe("");
    const entries = await readAll(id, {});
    const lateMs = Number(entries.at(-1)?.time?.seconds ?? 0n) * 1000;
    expect(text(await readAll(id, { sinceMs: lateMs }))).toBe("late\n");
  });

  test("go on while they are followed, and end with the container", async () => {
    const id = await startOne(shell("echo first; read line; echo last"));
    expect(text(await readAll(id, { follow: true }))).toBe("first\nlast\n");
  });

  test("of a container that says nothing begin at once and end when nobody wants them", async () => {
    const id = await startOne(IDLE);
    const control = new AbortController();
    const reading = readAll(id, { follow: true }, control.signal);
    await runtime.inspect(id);
    control.abort();
    expect(await reading).toEqual([]);
  });

  test("of a very chatty container come in batches of bounded size", async () => {
    const lineCount = 100_000;
    const id = await runToEnd(shell(`yes '' | head -n ${lineCount}`));
    let entryCount = 0;
    let batchLengthMax = 0;
    for await (const entries of runtime.logs(id, selection({}), new AbortController().signal)) {
      entryCount += entries.length;
      batchLengthMax = Math.max(batchLengthMax, entries.length);
    }
    expect(entryCount).toBe(lineCount);
    // A chunk of 64 KiB, with a header and a time before each byte.
    expect(batchLengthMax).toBeLessThan(5_000);
  });

  test("a line of a megabyte comes in pieces and whole", async () => {
    const id = await runToEnd({ command: ["dd", "if=/dev/zero", "bs=1000000", "count=1"] });
    const entries = await readAll(id, { stderr: false });
    expect(Math.max(...entries.map(({ data }) => data.length))).toBe(16 * 1024);
    expect(text(entries)).toHaveLength(1_000_000);
  });
});

const selection = (some: Partial<LogSelection>): LogSelection => ({
  follow: false,
  tail: undefined,
  sinceMs: undefined,
  stdout: true,
  stderr: true,
  ...some,
});

async function readAll(
  id: string,
  some: Partial<LogSelection>,
  signal = new AbortController().signal,
): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  for await (const entries of runtime.logs(id, selection(some), signal)) all.push(...entries);
  return all;
}

const text = (entries: readonly LogEntry[]): string =>
  Buffer.concat(entries.map(({ data }) => data)).toString();

test("the engine describes itself", async () => {
  expect(await runtime.describe()).toEqual({
    engine: expect.stringMatching(/^docker \d/),
    os: "linux",
    architecture: expect.stringMatching(/^(amd64|arm64)$/),
    cpuMillis: expect.any(Number),
    memoryBytes: expect.any(Number),
    dataRoot: expect.stringMatching(/^\//),
  });
});
