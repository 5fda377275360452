import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { createPlacer } from "../../core/placement/place.ts";
import { worker } from "../../core/placement/samples.ts";
import { createTaskTable } from "../../core/task-table.ts";
import { TaskEventSchema } from "../../gen/berth/v1/task_event_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { aPlacedTask } from "../../test/builders.ts";
import { createBookings } from "./bookings.ts";

function createRig(workerIds: readonly string[]) {
  const placer = createPlacer(workerIds.map((id) => worker(id)));
  const tasks = createTaskTable();
  const bookings = createBookings(placer, tasks);
  return {
    ...bookings,
    join: (workerId: string) => placer.observe(worker(workerId)),
    become(task: Task): boolean {
      tasks.put(task);
      const event = create(TaskEventSchema, { taskId: task.id });
      return bookings.follow([{ revision: task.revision, task, removed: false, event }]);
    },
    count: () => placer.candidate("w1")?.taskCount,
  };
}

const inState = (state: TaskState): Task => ({ ...aPlacedTask(), state });

test("an attempt that ended gives back what it had, once", () => {
  const { become, count } = createRig(["w1"]);
  become(inState(TaskState.RUNNING));
  expect(count()).toBe(1);
  expect([become(inState(TaskState.LOST)), become(inState(TaskState.LOST))]).toEqual([true, false]);
  expect(count()).toBe(0);
});

test("an attempt that was lost and is back counts again, and no more than once", () => {
  const { become, count, bookAll } = createRig(["w1"]);
  for (const state of [TaskState.RUNNING, TaskState.LOST, TaskState.RUNNING])
    become(inState(state));
  become(inState(TaskState.RUNNING));
  bookAll("w1");
  expect(count()).toBe(1);
});

test("what is placed on a worker that nobody has met counts once it is met", () => {
  const { become, count, bookAll, join } = createRig([]);
  become(inState(TaskState.RUNNING));
  expect(count()).toBeUndefined();
  join("w1");
  bookAll("w1");
  expect(count()).toBe(1);
});
