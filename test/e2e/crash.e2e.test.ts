import { afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import { isTerminal } from "../../core/task-state.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { type RoleName, startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage, openEngine } from "./engine.ts";

jest.setTimeout(120_000);

beforeAll(() => ensureImage());
let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

async function open(roles?: readonly RoleName[]): Promise<TestCluster> {
  cluster = await startCluster({ roles });
  return cluster;
}

const isRunning = (task: Task) => task.state === TaskState.RUNNING;
const shell = (script: string) => ({ command: ["sh", "-c", script] });
const statusOf = (task: Task) => task.attempt?.status;
const containerOf = (task: Task) =>
  openEngine()
    .getContainer(statusOf(task)?.containerId ?? "")
    .inspect();

test("a manager killed between submit and placement has lost nothing it acknowledged", async () => {
  const { submit, crash, start, waitFor, client } = await open(["registry", "manager"]);
  const requestId = "submitted-once";
  const spec = { image: "berth-test/busybox:1", ...shell("sleep 100") };
  const { task: first } = await client.submitTask({ spec, requestId });
  const others = await Promise.all(Array.from({ length: 20 }, () => submit(shell("exit 0"))));
  await crash("manager");
  start("manager");
  start("worker");
  const ended = await Promise.all(
    others.map(({ id }) => waitFor(id, (task) => isTerminal(task.state))),
  );
  expect(ended.map(({ state }) => state)).toEqual(others.map(() => TaskState.COMPLETED));
  const running = await waitFor(first?.id ?? "", isRunning);
  const { task: again } = await client.submitTask({ spec, requestId });
  expect(again?.id).toBe(running.id);
});

test("a manager killed while containers run finds them running", async () => {
  const { submit, crash, start, waitFor } = await open();
  const { id } = await submit(shell("sleep 100"));
  const before = await waitFor(id, isRunning);
  const container = await containerOf(before);
  await crash("manager");
  start("manager");
  const after = await waitFor(id, isRunning);
  expect(statusOf(after)?.containerId).toBe(statusOf(before)?.containerId);
  expect((await containerOf(after)).State.StartedAt).toBe(container.State.StartedAt);
  expect(after.attempt?.number).toBe(1);
});

test("a worker killed while a container runs adopts it: same container, same start", async () => {
  const { submit, crash, start, waitFor, client } = await open();
  const { id } = await submit(shell("sleep 100"));
  const before = await waitFor(id, isRunning);
  const container = await containerOf(before);
  await crash("worker");
  start("worker");
  await client.stopTask({ taskId: (await submit(shell("sleep 100"))).id });
  const marker = await submit(shell("exit 0"));
  await waitFor(marker.id, (task) => isTerminal(task.state));
  const { task: after } = await client.getTask({ taskId: id });
  expect(after?.state).toBe(TaskState.RUNNING);
  expect(after?.attempt?.number).toBe(1);
  const now = await containerOf(before);
  expect(now.Id).toBe(container.Id);
  expect(now.State.StartedAt).toBe(container.State.StartedAt);
  expect(now.State.Pid).toBe(container.State.Pid);
});

test("an exit while the worker was down is reported with its code", async () => {
  const { submit, crash, start, waitFor } = await open();
  const { id } = await submit(shell("trap 'exit 7' USR1; while true; do sleep 0.1; done"));
  const running = await waitFor(id, isRunning);
  await crash("worker");
  const container = openEngine().getContainer(statusOf(running)?.containerId ?? "");
  await container.kill({ signal: "SIGUSR1" });
  await container.wait();
  start("worker");
  const ended = await waitFor(id, (task) => isTerminal(task.state));
  expect(ended.state).toBe(TaskState.FAILED);
  expect(statusOf(ended)?.exitCode).toBe(7);
});
