import { Code } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import type { Push } from "../../core/reconcile.ts";
import { schedule, submit } from "../../core/task-change.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createClient } from "../../lib/rpc/client.ts";
import type { Slots } from "../../lib/slots.ts";
import { aPlacedTask, aReport, aSpec, START_MS } from "../../test/builders.ts";
import { until } from "../../test/until.ts";
import { createPushSlots } from "./push-slots.ts";
import { createPusher } from "./pusher.ts";
import { createFakeWorker } from "./testing/fake-worker.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const stop: Push = { kind: "stop", taskId: "t1", attempt: 1 };

/** A pusher, and a task `t1` that the worker accepted in an earlier life, and that should stop. */
async function createRig(slots = createPushSlots()) {
  const clock = createManualClock(START_MS);
  const rig = await createManagerRig();
  const worker = createFakeWorker();
  const { ledger, observer, client } = rig;
  const { placement } = aPlacedTask("t1").attempt ?? {};
  const { task } = submit("t1", aSpec({}, "t1"), START_MS);
  if (!placement) throw new Error("a placed task has a placement");
  await ledger.commit([schedule(task, placement, START_MS)]);
  observer.report(aReport("t1", TaskState.STARTING));
  await client.stopTask({ taskId: "t1" });

  const control = new AbortController();
  const failures: unknown[] = [];
  const pusher = createPusher(
    createClient(WorkerService, worker.connect()),
    { ledger, observer, log: silentLog, clock, slots },
    { signal: control.signal, onFailure: (error) => failures.push(error) },
  );
  pusher.open();
  const end = () => {
    control.abort();
    return pusher.close();
  };
  return {
    ...{ worker, pusher, clock, failures, end, client },
    stateOf: (id = "t1") => ledger.tasks.get(id)?.state,
    /** Another task that is to be started. */
    async place(id: string) {
      const other = submit(id, aSpec({}, id), START_MS);
      await ledger.commit([schedule(other.task, placement, START_MS)]);
    },
  };
}

test("a stop of what the worker neither told of nor was told of over this link ends here", async () => {
  const { worker, pusher, stateOf, end } = await createRig();
  pusher.post(stop);
  await until("it has stopped", () => stateOf() === TaskState.STOPPED);
  expect(worker.told).toEqual([]);
  await end();
});

test("a stop of what the worker told of goes to the worker", async () => {
  const { worker, pusher, stateOf, end } = await createRig();
  pusher.hear(aReport("t1", TaskState.STARTING));
  pusher.post(stop);
  await until("the stop is pushed", () => worker.told.includes("stop t1/1"));
  expect(stateOf()).toBe(TaskState.STARTING);
  await end();
});

test("a start that is no longer wanted when its turn comes leaves nothing to be stopped", async () => {
  const { worker, pusher, client, place, stateOf, end } = await createRig();
  await place("t2");
  pusher.hear(aReport("t1", TaskState.STARTING));
  let answer: () => void = () => undefined;
  worker.hold(
    new Promise((resolve) => {
      answer = resolve;
    }),
  );
  pusher.post(stop);
  await until("the stop is pushed", () => worker.told.includes("stop t1/1"));
  pusher.post({ kind: "start", taskId: "t2", attempt: 1 });
  await client.stopTask({ taskId: "t2" });
  answer();
  pusher.post({ kind: "stop", taskId: "t2", attempt: 1 });
  await until("the other has stopped", () => stateOf("t2") === TaskState.STOPPED);
  expect(worker.told).toEqual(["stop t1/1"]);
  await end();
});

test("what comes while others have the turn goes out together", async () => {
  let letIn: () => void = () => undefined;
  const turn = new Promise<void>((resolve) => {
    letIn = resolve;
  });
  let turns = 0;
  const slots: Slots = {
    async run(work) {
      turns++;
      await turn;
      return work();
    },
  };
  const { worker, pusher, place, end } = await createRig(slots);
  for (const taskId of ["t2", "t3"]) {
    await place(taskId);
    pusher.post({ kind: "start", taskId, attempt: 1 });
    await systemClock.turn();
  }
  letIn();
  await until("the worker was told", () => worker.told.length === 2);
  expect(worker.told).toEqual(["start t2/1", "start t3/1"]);
  expect(turns).toBe(1);
  await end();
});

test("a link whose worker leaves a push without an answer ends", async () => {
  const { worker, pusher, clock, failures } = await createRig();
  pusher.hear(aReport("t1", TaskState.STARTING));
  worker.hold(new Promise(() => undefined));
  pusher.post(stop);
  await until("the stop is pushed", () => worker.told.includes("stop t1/1"));
  await clock.advance(15_000);
  await until("it has failed", () => failures.length > 0);
  expect(failures).toMatchObject([{ code: Code.DeadlineExceeded }]);
});
