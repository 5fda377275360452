import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { toJson } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { isTerminal } from "../../core/task-state.ts";
import { toMillis } from "../../core/time.ts";
import { FailureReason, type Task, TaskSchema, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { freePort } from "../free-port.ts";
import { startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage, openEngine } from "./engine.ts";

jest.setTimeout(120_000);

let cluster: TestCluster;
beforeAll(async () => {
  await ensureImage();
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

const hasEnded = (task: Task) => isTerminal(task.state);
const isRunning = (task: Task) => task.state === TaskState.RUNNING;
const shell = (script: string) => ({ command: ["sh", "-c", script] });
const statusOf = (task: Task) => task.attempt?.status;

async function runToEnd(spec: Parameters<TestCluster["submit"]>[0]): Promise<Task> {
  const { id } = await cluster.submit(spec);
  return cluster.waitFor(id, hasEnded);
}

async function readLogs(taskId: string, selection: object = {}): Promise<string> {
  const parts: string[] = [];
  for await (const { entries } of cluster.client.streamTaskLogs({ taskId, ...selection }))
    for (const { data } of entries) parts.push(Buffer.from(data).toString());
  return parts.join("");
}

test("a web server is reached on the port that the task reports", async () => {
  const script = "echo hello from berth > /tmp/index.html; exec httpd -f -p 80 -h /tmp";
  const { id } = await cluster.submit({
    name: "web",
    ...shell(script),
    ports: [{ containerPort: 80, name: "http" }],
  });
  const task = await cluster.waitFor(id, isRunning);
  const [port] = statusOf(task)?.ports ?? [];
  expect(port).toMatchObject({ containerPort: 80, name: "http" });
  const answer = await fetchPatiently(`http://127.0.0.1:${port?.hostPort}/`);
  expect(answer).toBe("hello from berth\n");
  await cluster.client.stopTask({ taskId: id });
  const ended = await cluster.waitFor(id, hasEnded);
  expect(ended.state).toBe(TaskState.STOPPED);
});

/** The container runs before its server listens: tries until it answers. */
async function fetchPatiently(url: string): Promise<string> {
  for (let left = 200; ; left--) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

test("exit code 0 is COMPLETED", async () => {
  const task = await runToEnd(shell("exit 0"));
  expect(task.state).toBe(TaskState.COMPLETED);
  expect(statusOf(task)).toMatchObject({ exitCode: 0 });
});

test("exit code 3 is FAILED with the code", async () => {
  const task = await runToEnd(shell("exit 3"));
  expect(task.state).toBe(TaskState.FAILED);
  expect(statusOf(task)).toMatchObject({ exitCode: 3, failure: { reason: FailureReason.EXITED } });
});

/** Again and again: the engine watches a container's memory only from some time after its start. */
const GREED = "dd if=/dev/zero of=/dev/null bs=200M";
const GREEDY = `for i in 1 2 3; do ${GREED}; sleep 0.5; done; exec ${GREED}`;

test("too much memory is OOM_KILLED", async () => {
  const memoryBytes = 16n * 1024n * 1024n;
  const task = await runToEnd({
    ...shell(GREEDY),
    limit: { memoryBytes },
  });
  expect(statusOf(task)).toMatchObject({
    exitCode: 137,
    failure: { reason: FailureReason.OOM_KILLED },
  });
});

test("a command that does not exist is START_FAILED", async () => {
  const task = await runToEnd({ command: ["/no/such/command"] });
  expect(statusOf(task)?.failure?.reason).toBe(FailureReason.START_FAILED);
});

test("an image that the registry does not know is IMAGE_NOT_FOUND", async () => {
  const registry = await startStubRegistry(404, "MANIFEST_UNKNOWN");
  try {
    const task = await runToEnd({ image: `127.0.0.1:${registry.port}/nope:1` });
    expect(statusOf(task)?.failure?.reason).toBe(FailureReason.IMAGE_NOT_FOUND);
  } finally {
    registry.close();
  }
});

test("an image that the registry will not give is IMAGE_PULL_FAILED", async () => {
  const registry = await startStubRegistry(500, "UNKNOWN");
  try {
    const task = await runToEnd({ image: `127.0.0.1:${registry.port}/nope:1` });
    expect(statusOf(task)?.failure?.reason).toBe(FailureReason.IMAGE_PULL_FAILED);
  } finally {
    registry.close();
  }
});

/** A registry that speaks the distribution API just far enough to refuse a manifest. */
async function startStubRegistry(status: number, code: string) {
  const port = await freePort();
  const server = createHttpServer((request, response) => {
    response.setHeader("docker-distribution-api-version", "registry/2.0");
    if (request.url === "/v2/") return response.end("{}");
    response.writeHead(status, { "content-type": "application/json" });
    return response.end(JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] }));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { port, close: () => void server.close() };
}

test("a port that somebody else has is PORT_CONFLICT", async () => {
  const hostPort = await freePort();
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(hostPort, "127.0.0.1", resolve));
  try {
    const task = await runToEnd({
      ...shell("sleep 100"),
      ports: [{ containerPort: 80, hostPort }],
    });
    expect(statusOf(task)?.failure?.reason).toBe(FailureReason.PORT_CONFLICT);
  } finally {
    squatter.close();
  }
});

test("a container removed behind the worker's back is noticed", async () => {
  const { id } = await cluster.submit(shell("sleep 100"));
  const running = await cluster.waitFor(id, isRunning);
  const removal = { beginMs: Date.now(), endMs: 0 };
  await openEngine()
    .getContainer(statusOf(running)?.containerId ?? "")
    .remove({ force: true });
  removal.endMs = Date.now();
  const task = await cluster.waitFor(id, hasEnded);
  expect(task.state).toBe(TaskState.FAILED);
  const observed = statusOf(task)?.observeTime;
  // Within a second of the removal, by the worker's own clock; a machine that is so busy that the
  // engine alone needs that long to remove a container gives the worker as long as the engine.
  const allowanceMs = Math.max(1_000, removal.endMs - removal.beginMs);
  expect((observed ? toMillis(observed) : 0) - removal.endMs).toBeLessThan(allowanceMs);
});

test("a container that ignores SIGTERM is killed after its grace", async () => {
  const { id } = await cluster.submit(
    shell("trap '' TERM; echo ready; while true; do sleep 1; done"),
  );
  await cluster.waitFor(id, isRunning);
  await cluster.client.stopTask({ taskId: id, grace: { seconds: 1n } });
  const task = await cluster.waitFor(id, hasEnded);
  expect(task.state).toBe(TaskState.STOPPED);
  expect(statusOf(task)?.exitCode).toBe(137);
});

test("a stop removes the container", async () => {
  const { id } = await cluster.submit({ ...shell("sleep 100"), stopGrace: { seconds: 0n } });
  const running = await cluster.waitFor(id, isRunning);
  await cluster.client.stopTask({ taskId: id });
  await cluster.waitFor(id, hasEnded);
  const inspect = openEngine()
    .getContainer(statusOf(running)?.containerId ?? "")
    .inspect();
  await expect(inspect).rejects.toThrow(/no such container/i);
});

test("ten megabytes of one-byte writes do not hurt the worker", async () => {
  const chatter = "dd if=/dev/zero bs=1 count=10485760 2>/dev/null; sleep 100";
  const { id } = await cluster.submit({ ...shell(chatter), stopGrace: { seconds: 0n } });
  await cluster.waitFor(id, isRunning);
  const control = new AbortController();
  let bytes = 0;
  const options = { signal: control.signal };
  for await (const { entries } of cluster.client.streamTaskLogs(
    { taskId: id, follow: true },
    options,
  )) {
    for (const { data } of entries) bytes += data.length;
    if (bytes > 5_000_000) break;
  }
  const meanwhile = await runToEnd(shell("echo still here"));
  expect(meanwhile.state).toBe(TaskState.COMPLETED);
  expect(cluster.rssBytes("worker")).toBeLessThan(300e6);
  await cluster.client.removeTask({ taskId: id, force: true });
});

test("logs are followed to the end, cut to the tail, and begin where asked", async () => {
  const { id } = await cluster.submit(
    shell("echo one; sleep 0.3; echo two >&2; sleep 2; echo three"),
  );
  expect(await readLogs(await started(id), { follow: true })).toBe("one\ntwo\nthree\n");
  expect(await readLogs(id, { tail: 1 })).toBe("three\n");
  expect(await readLogs(id, { streams: [20] })).toBe("two\n");
  const start = statusOf(await cluster.waitFor(id, hasEnded))?.startTime;
  const since = timestampFromMs((start ? toMillis(start) : 0) + 1_000);
  expect(await readLogs(id, { since })).toBe("three\n");
});

const started = async (id: string) =>
  (await cluster.waitFor(id, (task) => task.state >= TaskState.RUNNING)).id;

test("limits, user, working directory, environment and hardening reach the container", async () => {
  const { id } = await cluster.submit({
    ...shell("sleep 100"),
    env: { GREETING: "hello" },
    workingDir: "/tmp",
    user: "1000:1000",
    limit: { cpuMillis: 500n, memoryBytes: 32n * 1024n * 1024n, pids: 64n },
  });
  const running = await cluster.waitFor(id, isRunning);
  const facts = await openEngine()
    .getContainer(statusOf(running)?.containerId ?? "")
    .inspect();
  expect(facts.Config).toMatchObject({ User: "1000:1000", WorkingDir: "/tmp" });
  expect(facts.Config.Env).toContain("GREETING=hello");
  expect(facts.Config.Labels).toMatchObject({ "dev.berth.task": id, "dev.berth.attempt": "1" });
  expect(facts.HostConfig).toMatchObject({
    Memory: 32 * 1024 * 1024,
    MemorySwap: 32 * 1024 * 1024,
    PidsLimit: 64,
  });
  expect(facts.HostConfig.SecurityOpt).toContain("no-new-privileges");
  expect(facts.HostConfig.CapDrop).toEqual(["ALL"]);
  expect(facts.HostConfig.CapAdd).not.toContain("NET_RAW");
  expect(facts.HostConfig.RestartPolicy?.Name).toBe("no");
  await cluster.client.removeTask({ taskId: id, force: true });
});

test("a removed task is gone, its container too, and it can be told how it was", async () => {
  const task = await runToEnd(shell("exit 0"));
  await cluster.client.removeTask({ taskId: task.id });
  await expect(cluster.client.getTask({ taskId: task.id })).rejects.toThrow(/does not exist/);
  const { events } = await cluster.client.listTaskEvents({ pageSize: 1_000, taskId: task.id });
  expect(events.at(-1)?.removed).toBe(true);
  const ended = events.at(-2)?.time;
  const past = await cluster.client.getTask({ taskId: task.id, ...(ended && { atTime: ended }) });
  expect(past.task && toJson(TaskSchema, past.task)).toEqual(toJson(TaskSchema, task));
});

test("a task that fails under on-failure runs again as its next attempt", async () => {
  const restartPolicy = { mode: 20, restartsMax: 1 };
  const { id } = await cluster.submit({ ...shell("exit 4"), restartPolicy });
  const task = await cluster.waitFor(id, (seen) => hasEnded(seen) && seen.attempt?.number === 2);
  expect(task.restartCount).toBe(1);
  expect(task.pastAttempts.map(({ status }) => status?.exitCode)).toEqual([4]);
});
