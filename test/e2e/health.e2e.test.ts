import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { ProbeFrom } from "../../gen/berth/v1/probe_pb.ts";
import { RegistryService } from "../../gen/berth/v1/registry_service_pb.ts";
import {
  FailureReason,
  Health,
  RestartMode,
  type Task,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { type Channel, openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage, openEngine } from "./engine.ts";

jest.setTimeout(120_000);

let cluster: TestCluster;
let channel: Channel;
let registry: Client<typeof RegistryService>;
beforeAll(async () => {
  await ensureImage();
  // Long enough for a worker to come back on a busy machine before it is taken for lost.
  cluster = await startCluster({ extraFlags: { registry: ["--lease", "60s"] } });
  const { registryAddress: address } = cluster;
  channel = openChannel({ address, clock: systemClock, log: silentLog });
  registry = createClient(RegistryService, channel);
});
afterAll(async () => {
  channel?.close();
  await cluster?.stop();
});

const statusOf = (task: Task) => task.attempt?.status;
const isHealthy = (task: Task) => statusOf(task)?.health === Health.HEALTHY;
const hasRestarted = (task: Task) => (task.attempt?.number ?? 1) > 1;
const shell = (script: string) => ({ command: ["sh", "-c", script] });
const patience = { interval: durationFromMs(200), failureThreshold: 2 };
const brief = { stopGrace: durationFromMs(0), restartPolicy: { mode: RestartMode.ALWAYS } };

/** Serves /health well until the file goes, which `then` may see to. */
const server = (then: string) =>
  shell(`echo ok > /tmp/health; httpd -p 80 -h /tmp; ${then}; exec sleep 1000`);

const http = (changes = {}) => ({
  check: { case: "http" as const, value: { port: 80, path: "/health" } },
  ...patience,
  ...changes,
});

const exec = (...command: string[]) => ({
  check: { case: "exec" as const, value: { command } },
  ...patience,
});

describe("a liveness probe", () => {
  test("over HTTP finds a server healthy", async () => {
    const { id } = await cluster.submit({ ...server("true"), ...brief, livenessProbe: http() });
    const task = await cluster.waitFor(id, isHealthy);
    expect(task).toMatchObject({ state: TaskState.RUNNING, restartCount: 0 });
    expect(statusOf(task)).toMatchObject({ ready: true, probeMessage: "" });
    await cluster.client.removeTask({ taskId: id, force: true });
  });

  test("that fails for good has the task restarted, and says why", async () => {
    const spec = { ...server("sleep 2; busybox rm /tmp/health"), ...brief, livenessProbe: http() };
    const { id } = await cluster.submit(spec);
    const task = await cluster.waitFor(id, hasRestarted);
    const [failed] = task.pastAttempts;
    expect(failed?.status).toMatchObject({
      state: TaskState.FAILED,
      failure: { reason: FailureReason.UNHEALTHY },
    });
    expect(failed?.status?.failure?.message).toMatch(/^liveness probe: HTTP status 404/);
    expect((await cluster.waitFor(id, isHealthy)).attempt?.number).toBeGreaterThan(1);
    await cluster.client.removeTask({ taskId: id, force: true });
  });

  test("by a command in the container sees what only it can see", async () => {
    const script = "echo > /tmp/alive; sleep 2; busybox rm /tmp/alive; exec sleep 1000";
    const livenessProbe = exec("ls", "/tmp/alive");
    const { id } = await cluster.submit({ ...shell(script), ...brief, livenessProbe });
    await cluster.waitFor(id, isHealthy);
    const task = await cluster.waitFor(id, hasRestarted);
    const [failed] = task.pastAttempts;
    expect(failed?.status?.failure?.message).toMatch(/^liveness probe: exit code 1: ls: .*alive/);
    await cluster.client.removeTask({ taskId: id, force: true });
  });

  test("by a command that never ends fails, and the engine is not flooded with it", async () => {
    const livenessProbe = {
      ...exec("sh", "-c", "echo begun >> /tmp/log; exec sleep 1000"),
      timeout: durationFromMs(200),
      failureThreshold: 4,
    };
    const { id } = await cluster.submit({
      ...shell("exec sleep 1000"),
      stopGrace: durationFromMs(0),
      livenessProbe,
    });
    const task = await cluster.waitFor(id, ({ state }) => state === TaskState.FAILED);
    expect(statusOf(task)?.failure?.message).toMatch(/the command of an earlier check still runs/);
    await cluster.client.removeTask({ taskId: id, force: true });
  });

  test("asked by the manager takes the way that callers take", async () => {
    const { id } = await cluster.submit({
      ...server("sleep 3; busybox rm /tmp/health"),
      ...brief,
      ports: [{ containerPort: 80 }],
      livenessProbe: http({ probeFrom: ProbeFrom.MANAGER }),
    });
    await cluster.waitFor(id, isHealthy);
    const task = await cluster.waitFor(id, hasRestarted);
    expect(task.pastAttempts[0]?.status).toMatchObject({
      state: TaskState.FAILED,
      failure: { reason: FailureReason.UNHEALTHY },
    });
    const { containerId = "" } = task.pastAttempts[0]?.status ?? {};
    const { State } = await openEngine().getContainer(containerId).inspect();
    expect(State.Running).toBe(false);
    await cluster.client.removeTask({ taskId: id, force: true });
  });
});

test("an endpoint is told only while the readiness probe succeeds", async () => {
  const name = "shop";
  const { id } = await cluster.submit({
    name,
    ...server("sleep 3; busybox rm /tmp/health"),
    stopGrace: durationFromMs(0),
    ports: [{ containerPort: 80 }],
    readinessProbe: http(),
  });
  const resolved = async () => (await registry.resolveName({ name })).endpoints.length;
  await cluster.waitFor(id, (task) => statusOf(task)?.ready === true);
  await until(async () => (await resolved()) === 1);
  const task = await cluster.waitFor(id, (last) => statusOf(last)?.ready === false);
  expect(task.state).toBe(TaskState.RUNNING);
  await until(async () => (await resolved()) === 0);
  await cluster.client.removeTask({ taskId: id, force: true });
});

test("a restarted worker goes on probing, and restarts no container", async () => {
  const { id } = await cluster.submit({ ...server("true"), ...brief, livenessProbe: http() });
  const before = await cluster.waitFor(id, isHealthy);
  const { workerId } = cluster;
  const isLinked = async () => (await cluster.client.getWorker({ workerId })).worker?.linked;
  await cluster.crash("worker");
  await until(async () => (await isLinked()) === false);
  cluster.start("worker");
  await until(async () => (await isLinked()) === true);
  const { task } = await cluster.client.getTask({ taskId: id });
  expect(task).toMatchObject({ state: TaskState.RUNNING, restartCount: 0 });
  expect(task?.attempt?.status?.startTime).toEqual(statusOf(before)?.startTime);

  const container = openEngine().getContainer(statusOf(before)?.containerId ?? "");
  const removal = await container.exec({ Cmd: ["busybox", "rm", "/tmp/health"] });
  // Its output is nobody's, and a stream that is not read keeps its socket.
  (await removal.start({ Detach: true })).resume();
  const after = await cluster.waitFor(id, hasRestarted);
  expect(after.pastAttempts[0]?.status?.failure?.reason).toBe(FailureReason.UNHEALTHY);
  await cluster.client.removeTask({ taskId: id, force: true });
});

/** Asks until it is so: what is asked for has no stream to wait on. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let left = 600; !(await isSo()); left--) {
    if (left === 0) throw new Error("it never was so");
    await systemClock.sleep(50);
  }
}
