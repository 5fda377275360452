import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import { schedule } from "../../core/task-change.ts";
import { toTimestamp } from "../../core/time.ts";
import { PlacementSchema } from "../../gen/berth/v1/placement_pb.ts";
import { FailureReason, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { aPresence, aReport } from "../../test/builders.ts";
import { runDeadlines } from "./deadline-loop.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const controls: AbortController[] = [];
afterEach(() => {
  for (const control of controls.splice(0)) control.abort();
});

/** A manager that keeps deadlines and places nothing by itself. */
async function createRig(options: Parameters<typeof createManagerRig>[0] = {}) {
  const clock = createManualClock();
  const rig = await createManagerRig({ clock, ...options });
  const control = new AbortController();
  controls.push(control);
  const start = () => void runDeadlines(rig, control.signal);
  const task = (id: string) => rig.ledger.tasks.get(id);
  return {
    ...rig,
    start,
    task,
    advance: clock.advance,
    async submit(spec: object = {}) {
      const { task: made } = await rig.client.submitTask({ spec: { image: "busybox:1", ...spec } });
      return made?.id ?? "";
    },
    async place(id: string) {
      const placement = create(PlacementSchema, {
        workerId: "w1",
        scheduler: "spread",
        placeTime: toTimestamp(clock.now()),
      });
      const before = task(id);
      if (before) await rig.ledger.commit([schedule(before, placement, clock.now())]);
    },
    join() {
      rig.workers.setPresence(aPresence("w1"));
      rig.workers.setLinked("w1", true);
    },
  };
}

const impatient = { placementTimeout: { seconds: 5n } };

test("a task for which no place is found in time fails", async () => {
  const { start, submit, advance, task } = await createRig();
  start();
  const id = await submit(impatient);
  await advance(4_999);
  expect(task(id)?.state).toBe(TaskState.PENDING);
  await advance(1);
  expect(task(id)).toMatchObject({
    state: TaskState.FAILED,
    attempt: { status: { failure: { reason: FailureReason.UNPLACEABLE } } },
  });
});

test("a manager that starts keeps the deadlines of the one before", async () => {
  const { store, submit } = await createRig();
  const id = await submit(impatient);
  const { start, advance, task } = await createRig({ store });
  start();
  await advance(5_000);
  expect(task(id)?.state).toBe(TaskState.FAILED);
});

test("a start that a worker never accepts is tried elsewhere", async () => {
  const { start, submit, place, join, advance, task } = await createRig();
  start();
  join();
  const id = await submit();
  await place(id);
  await advance(29_999);
  expect(task(id)?.state).toBe(TaskState.SCHEDULED);
  await advance(1);
  expect(task(id)).toMatchObject({
    state: TaskState.PENDING,
    restartCount: 0,
    pastAttempts: [{ status: { failure: { message: "worker w1 did not accept it within 30 s" } } }],
  });
});

test("a task that waits for a worker says when there is no link to it, and when there is again", async () => {
  const { start, submit, place, join, advance, task, workers } = await createRig();
  start();
  join();
  const id = await submit();
  await place(id);
  await advance(1_000);
  workers.setLinked("w1", false);
  expect(task(id)?.waitingReason).toBe(
    "waits for worker w1 to accept it; there is no link to worker w1 since 2026-01-01T00:00:01Z",
  );
  workers.setLinked("w1", true);
  expect(task(id)?.waitingReason).toBe("waits for worker w1 to accept it");
});

test("a stop that takes longer than it may says so", async () => {
  const { start, submit, place, join, advance, task, observer, client, clock } = await createRig();
  start();
  join();
  const id = await submit({ stopGrace: { seconds: 3n } });
  await place(id);
  await client.stopTask({ taskId: id });
  const observeTime = toTimestamp(clock.now());
  observer.report(aReport(id, TaskState.STOPPING, { observeTime }));
  await advance(12_999);
  expect(task(id)?.waitingReason).toBe("waits for the container to stop, grace 3 s");
  await advance(1);
  expect(task(id)?.waitingReason).toContain("waits for worker w1 to confirm");
});
