import { toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Task, TaskSchema, TaskState } from "../gen/berth/v1/task_pb.ts";
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

test("a task put encoded is found by every index, and decoded once, when somebody asks", () => {
  const table = createTaskTable();
  const task = aPlacedTask("t1", "w1");
  table.put(aPendingTask("t0"));
  table.putEncoded(task.id, toBinary(TaskSchema, task));
  expect(table.placedCount("w1")).toBe(1);
  expect([...table.sketches()].map(({ id }) => id)).toEqual(["t0", "t1"]);
  expect(ids(table.placedOn("w1"))).toEqual(["t1"]);
  expect(table.get("t1")).toEqual(task);
  expect(table.get("t1")).toBe(table.get("t1"));
  expect(ids(table.all())).toEqual(["t0", "t1"]);
});

test("states are counted", () => {
  const table = createTaskTable();
  table.put(aPendingTask("t1"));
  table.put(aPendingTask("t2"));
  table.put(aPlacedTask("t1", "w1"));
  expect([...table.countByState()]).toEqual([
    [TaskState.PENDING, 1],
    [TaskState.SCHEDULED, 1],
  ]);
  table.delete("t1");
  table.delete("t1");
  expect([...table.countByState()]).toEqual([[TaskState.PENDING, 1]]);
});
