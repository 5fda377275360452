import { Code } from "@connectrpc/connect";
import { afterEach, expect, test } from "@jest/globals";
import { RestartMode, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { aPresence, aReport, START_MS } from "../../test/builders.ts";
import { runSchedulerLoop } from "./scheduler-loop.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const controls: AbortController[] = [];
afterEach(() => {
  for (const control of controls.splice(0)) control.abort();
});

/** Four tasks that have run on w1 for a while, and w2, which has just joined. */
async function createRig() {
  const clock = createManualClock(START_MS);
  const rig = await createManagerRig({ clock });
  const control = new AbortController();
  controls.push(control);
  void runSchedulerLoop(rig, control.signal);
  const join = (workerId: string) => {
    rig.workers.setPresence(aPresence(workerId));
    rig.workers.setLinked(workerId, true);
  };
  join("w1");
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) {
    const restartPolicy = { mode: RestartMode.ALWAYS };
    const { task } = await rig.client.submitTask({ spec: { image: "busybox:1", restartPolicy } });
    rig.observer.report(aReport(task?.id ?? "", TaskState.RUNNING));
    ids.push(task?.id ?? "");
  }
  await clock.advance(120_000);
  join("w2");
  const tasks = () => ids.map((id) => rig.ledger.tasks.get(id) as Task);
  return { ...rig, ids, tasks };
}

const moving = (tasks: readonly Task[]) => tasks.filter(({ successor }) => successor);

test("a plan tells what would move, and moves nothing", async () => {
  const { client, tasks, ids } = await createRig();
  const { moves } = await client.rebalanceTasks({ validateOnly: true });
  expect(moves.map(({ taskId, toWorkerId }) => [taskId, toWorkerId])).toEqual([
    [ids[0], "w2"],
    [ids[1], "w2"],
  ]);
  expect(moving(tasks())).toEqual([]);
});

test("begins the moves, which count at once", async () => {
  const { client, tasks, ids } = await createRig();
  await client.rebalanceTasks({ movesMax: 1 });
  expect(moving(tasks()).map(({ id }) => id)).toEqual([ids[0]]);
  expect((await client.getWorker({ workerId: "w2" })).worker?.allocation?.taskCount).toBe(1);
  const { moves } = await client.rebalanceTasks({});
  expect(moves.map(({ taskId }) => taskId)).toEqual([ids[1]]);
  expect((await client.rebalanceTasks({})).moves).toEqual([]);
});

test("a repeated request tells what the first one did, and moves nothing more", async () => {
  const { client, tasks } = await createRig();
  const first = await client.rebalanceTasks({ movesMax: 1, requestId: "r1" });
  const second = await client.rebalanceTasks({ movesMax: 1, requestId: "r1" });
  expect(second).toEqual(first);
  expect(moving(tasks())).toHaveLength(1);
});

test("refuses more moves than the contract allows", async () => {
  const { client } = await createRig();
  await expect(client.rebalanceTasks({ movesMax: 1_001 })).rejects.toMatchObject({
    code: Code.InvalidArgument,
  });
});
