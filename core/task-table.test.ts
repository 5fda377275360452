import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { aPendingTask, aPlacedTask } from "../test/builders.ts";
import { workerOf } from "./task-change.ts";
import { isPlaced } from "./task-state.ts";
import { createTaskTable } from "./task-table.ts";

const ids = (tasks: Iterable<Task>) => [...tasks].map(({ id }) => id);

test("a task moves from the pending ones to those of its worker", () => {
  const table = createTaskTable();
  table.put(aPendingTask("t1"));
  expect(ids(table.pending())).toEqual(["t1"]);
  table.put(aPlacedTask("t1", "w1"));
  expect(ids(table.pending())).toEqual([]);
  expect(ids(table.placedOn("w1"))).toEqual(["t1"]);
  table.put({ ...aPlacedTask("t1", "w1"), state: TaskState.COMPLETED });
  expect(table.placedCount("w1")).toBe(0);
  expect(table.size).toBe(1);
});

test("its indexes are what a look at every task would find", () => {
  const anyStep = fc.record({
    id: fc.constantFrom("t1", "t2", "t3"),
    kind: fc.constantFrom("pending", "placed", "ended", "deleted"),
    workerId: fc.constantFrom("w1", "w2"),
  });
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
      const table = createTaskTable();
      for (const { id, kind, workerId } of steps) {
        if (kind === "deleted") table.delete(id);
        else if (kind === "pending") table.put(aPendingTask(id));
        else
          table.put({
            ...aPlacedTask(id, workerId),
            ...(kind === "ended" && { state: TaskState.FAILED }),
          });
      }
      const all = [...table.all()];
      expect(ids(table.pending()).sort()).toEqual(
        ids(all.filter(({ state }) => state === TaskState.PENDING)).sort(),
      );
      for (const workerId of ["w1", "w2"])
        expect(ids(table.placedOn(workerId)).sort()).toEqual(
          ids(all.filter((task) => isPlaced(task.state) && workerOf(task) === workerId)).sort(),
        );
    }),
  );
});
