import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { isTerminal } from "../../core/task-state.ts";
import { FailureReason, RestartMode, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { settle } from "./audit.ts";
import { type Follower, followTasks } from "./follower.ts";
import { type Cluster, startCluster } from "./harness.ts";
import { createUser, type User } from "./user.ts";

let cluster: Cluster;
let user: User;
let follower: Follower;

beforeAll(async () => {
  cluster = await startCluster({ seed: 1, workerCount: 2 });
  user = createUser(cluster.client, cluster.clock);
  follower = followTasks(cluster.client, cluster.clock);
});

afterAll(async () => {
  await follower.stop();
  await cluster.close();
});

/** The task, as soon as the stream tells that it is as wanted. */
async function see(taskId: string, isWanted: (task: Task | undefined) => boolean) {
  const deadline = cluster.clock.monotonic() + 100_000;
  while (!isWanted(follower.tasks.get(taskId))) {
    if (cluster.clock.monotonic() > deadline)
      throw new Error(`${taskId} never was as wanted:\n${cluster.events.lines.join("\n")}`);
    await cluster.clock.sleep(20);
  }
  return follower.tasks.get(taskId);
}

const seeState = (taskId: string, state: TaskState) => see(taskId, (task) => task?.state === state);

const containersOf = (taskId: string) =>
  [...cluster.engines.values()].flatMap(({ engine }) =>
    [...engine.containers.values()].filter(({ key }) => key.taskId === taskId),
  );

test("a task runs on one worker, is found by its name, and stops when it is told to", async () => {
  const { taskId } = await user.submit({
    image: "web:1",
    name: "web",
    ports: [{ containerPort: 80 }],
  });
  const running = await seeState(taskId, TaskState.RUNNING);
  expect(containersOf(taskId).map(({ state }) => state.kind)).toEqual(["running"]);

  const [port] = running?.attempt?.status?.ports ?? [];
  let served: number[] = [];
  while (served.length === 0) {
    const { endpoints } = await cluster.registry.resolveName({ name: "web" });
    served = endpoints.map((endpoint) => endpoint.port);
    await cluster.clock.sleep(50);
  }
  expect(served).toEqual([port?.hostPort]);

  await user.stop(taskId);
  expect(await seeState(taskId, TaskState.STOPPED)).toMatchObject({
    attempt: { status: { exitCode: 143 } },
  });
});

test("a task whose process ends well has completed", async () => {
  const { taskId } = await user.submit({ image: "job:after-20.exit-0" });
  const task = await seeState(taskId, TaskState.COMPLETED);
  expect(task?.attempt?.status?.exitCode).toBe(0);
});

test("a task whose process ends badly has failed, after as many tries as its policy has", async () => {
  const restartPolicy = { mode: RestartMode.ON_FAILURE, restartsMax: 1 };
  const { taskId } = await user.submit({ image: "job:after-20.exit-3", restartPolicy });
  const isDone = (task: Task | undefined) =>
    isTerminal(task?.state ?? 0) && task?.attempt?.number === 2;
  expect(await see(taskId, isDone)).toMatchObject({
    state: TaskState.FAILED,
    restartCount: 1,
    attempt: { status: { exitCode: 3, failure: { reason: FailureReason.EXITED } } },
  });
});

test("a task that is removed by force stops, and leaves neither record nor container", async () => {
  const { taskId } = await user.submit({ image: "web:1" });
  await seeState(taskId, TaskState.RUNNING);
  await user.remove(taskId, true);
  await see(taskId, (task) => task === undefined);
  expect(await settle({ cluster, user, follower })).toEqual([]);
  expect(containersOf(taskId)).toEqual([]);
});

test("containers run on while every part of the cluster is restarted", async () => {
  const { taskId } = await user.submit({ image: "web:1" });
  const before = await seeState(taskId, TaskState.RUNNING);
  for (const part of cluster.parts) await cluster.restart(part, "crash");
  expect(await settle({ cluster, user, follower })).toEqual([]);
  expect(follower.tasks.get(taskId)?.attempt?.status?.startTime).toEqual(
    before?.attempt?.status?.startTime,
  );
});
