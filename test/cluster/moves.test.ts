import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { OnDisconnect, RestartMode, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerAvailability } from "../../gen/berth/v1/worker_pb.ts";
import { isRetryable } from "../../lib/errors.ts";
import { settle } from "./audit.ts";
import { type Follower, followTasks } from "./follower.ts";
import { type Cluster, startCluster } from "./harness.ts";
import { createUser, type User } from "./user.ts";

/** More than a minute of the cluster's takes, which passes ten times as fast. */
jest.setTimeout(60_000);

let cluster: Cluster;
let user: User;
let follower: Follower;
const ended = new AbortController();

beforeAll(async () => {
  cluster = await startCluster({ seed: 1, workerCount: 3 });
  user = createUser(cluster.client, cluster.clock);
  follower = followTasks(cluster.client, cluster.clock);
  await until("all workers have joined", async () => {
    const { cluster: found } = await cluster.client.getCluster({});
    return found?.readyWorkerCount === 3;
  });
});

afterAll(async () => {
  ended.abort();
  await follower.stop();
  await cluster.close();
});

const PATIENCE_MS = 100_000;

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = cluster.clock.monotonic() + PATIENCE_MS;
  while (!(await isSo())) {
    if (cluster.clock.monotonic() > deadline)
      throw new Error(`never happened: ${what}\n${cluster.events.lines.join("\n")}`);
    await cluster.clock.sleep(20);
  }
}

const always = { restartPolicy: { mode: RestartMode.ALWAYS } };

async function submitRunning(count: number, spec: object = always): Promise<string[]> {
  const wishes = [];
  for (let n = 0; n < count; n++) wishes.push(await user.submit({ image: "web:1", ...spec }));
  const ids = wishes.map(({ taskId }) => taskId);
  const runs = (id: string) => follower.tasks.get(id)?.state === TaskState.RUNNING;
  await until("all run", () => ids.every(runs));
  return ids;
}

/** Repeats the call while no manager answers, as an operator would. */
async function set(workerId: string, availability: WorkerAvailability): Promise<void> {
  const updateMask = { paths: ["availability"] };
  await until(`${workerId} is told`, () =>
    cluster.client.updateWorker({ workerId, settings: { availability }, updateMask }).then(
      () => true,
      (error: unknown) => {
        if (!isRetryable(error)) throw error;
        return false;
      },
    ),
  );
}

/** What an engine holds of these tasks. */
const held = (workerId: string, ids: readonly string[]) =>
  [...(cluster.engines.get(workerId)?.engine.containers.values() ?? [])].filter(({ key }) =>
    ids.includes(key.taskId),
  );

const runningCount = (id: string) =>
  [...cluster.engines.keys()]
    .flatMap((workerId) => held(workerId, [id]))
    .filter(({ state }) => state.kind === "running").length;

/** Looks in every turn of the event loop how many containers of each task run. */
function watchCounts(ids: readonly string[]) {
  const counts = new Map(ids.map((id) => [id, new Set<number>()]));
  let isOver = false;
  const look = async () => {
    while (!isOver && !ended.signal.aborted) {
      for (const [id, seen] of counts) seen.add(runningCount(id));
      await cluster.clock.turn();
    }
  };
  const looking = look();
  return async () => {
    isOver = true;
    await looking;
    return [...counts.values()].map((seen) => [Math.min(...seen), Math.max(...seen)]);
  };
}

test("a drained worker is empty, and no task was without a container for a moment", async () => {
  await set("worker-3", WorkerAvailability.PAUSED);
  const ids = await submitRunning(12);
  const moving = ids.filter((id) => held("worker-1", [id]).length > 0);
  expect(moving.length).toBeGreaterThan(5);
  const counts = watchCounts(ids);
  await set("worker-1", WorkerAvailability.DRAINING);
  await until("the worker is empty", async () => {
    const { worker } = await cluster.client.getWorker({ workerId: "worker-1" });
    return worker?.drain?.remainingCount === 0;
  });
  await until("its containers are gone", () => held("worker-1", ids).length === 0);
  expect(new Set((await counts()).map(([least]) => least))).toEqual(new Set([1]));
  expect(moving.every((id) => follower.tasks.get(id)?.restartCount === 0)).toBe(true);
  expect(held("worker-3", ids)).toEqual([]);
  await set("worker-1", WorkerAvailability.ACTIVE);
});

test("a task that may never run twice is drained without a moment of two", async () => {
  await set("worker-2", WorkerAvailability.PAUSED);
  const [id = ""] = await submitRunning(1, { ...always, onDisconnect: OnDisconnect.STOP });
  expect(held("worker-1", [id])).toHaveLength(1);
  const counts = watchCounts([id]);
  await set("worker-2", WorkerAvailability.ACTIVE);
  await set("worker-1", WorkerAvailability.DRAINING);
  await until("it runs elsewhere", () => follower.tasks.get(id)?.attempt?.number === 2);
  await until("it runs", () => follower.tasks.get(id)?.state === TaskState.RUNNING);
  expect(await counts()).toEqual([[0, 1]]);
  expect(follower.tasks.get(id)?.restartCount).toBe(0);
  await set("worker-1", WorkerAvailability.ACTIVE);
});

test("a drain goes on over a crash of the manager", async () => {
  const ids = await submitRunning(4);
  await set("worker-2", WorkerAvailability.DRAINING);
  await cluster.restart("manager", "crash");
  await until("its containers are gone", () => held("worker-2", ids).length === 0);
  await set("worker-2", WorkerAvailability.ACTIVE);
  expect(await settle({ cluster, user, follower })).toEqual([]);
});

test("a rebalance fills a worker that has just been added, gently", async () => {
  await cluster.clock.sleep(61_000);
  await set("worker-3", WorkerAvailability.ACTIVE);
  const ids = [...follower.tasks.keys()];
  const counts = watchCounts(ids);
  const { moves } = await cluster.client.rebalanceTasks({ movesMax: 3 });
  expect(moves.map(({ toWorkerId }) => toWorkerId)).toContain("worker-3");
  const arrived = ({ taskId, toWorkerId }: (typeof moves)[number]) =>
    follower.tasks.get(taskId)?.attempt?.placement?.workerId === toWorkerId;
  await until("all have moved", () => moves.every(arrived));
  expect(new Set((await counts()).map(([least]) => least))).toEqual(new Set([1]));
  expect(await settle({ cluster, user, follower })).toEqual([]);
});
