import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "@jest/globals";
import { DesiredState, TaskState } from "../gen/berth/v1/task_pb.ts";
import { aPendingTask, aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { observe } from "./observe.ts";
import { move, requestRemoval, requestStop, wait, workerOf } from "./task-change.ts";

const now = START_MS + 1_000;
const noGrace = { grace: undefined, now };
const grace = (seconds: number) => create(DurationSchema, { seconds: BigInt(seconds) });

function aRunningTask() {
  const status = aStatus(TaskState.RUNNING);
  const [change] = observe(aPlacedTask(), { attempt: 1, status, now, jitter: 0 });
  if (!change) throw new Error("a report of a running container is news");
  return change.task;
}

test("a task begins pending and says what it waits for", () => {
  const task = aPendingTask("t1", { name: "web" });
  expect(task.state).toBe(TaskState.PENDING);
  expect(task.attempt?.number).toBe(1);
  expect(task.waitingReason).not.toBe("");
});

test("placing names the worker, for which the task then waits", () => {
  const task = aPlacedTask("t1", "w7");
  expect(task.state).toBe(TaskState.SCHEDULED);
  expect(workerOf(task)).toBe("w7");
  expect(task.waitingReason).toBe("waits for worker w7 to accept it");
});

test("a reason to wait is recorded once", () => {
  const task = aPendingTask();
  const [change] = wait(task, "too little memory on 1 worker", now);
  expect(change?.task.waitingReason).toBe("too little memory on 1 worker");
  expect(wait(change?.task ?? task, "too little memory on 1 worker", now)).toEqual([]);
});

test("a move that the table lacks is a bug", () => {
  expect(() => move(aPendingTask(), TaskState.RUNNING, now)).toThrow(/cannot go from/);
});

describe("a stop", () => {
  test("of a pending task ends it", () => {
    const [change] = requestStop(aPendingTask(), noGrace);
    expect(change?.task).toMatchObject({
      state: TaskState.STOPPED,
      desiredState: DesiredState.STOP,
      waitingReason: "",
    });
  });

  test("of a running task is a wish: the state is the worker's to change", () => {
    const [change] = requestStop(aRunningTask(), { grace: grace(3), now });
    expect(change?.task.state).toBe(TaskState.RUNNING);
    expect(change?.task.desiredState).toBe(DesiredState.STOP);
    expect(change?.task.stopGrace?.seconds).toBe(3n);
  });

  test("takes the grace of the spec when the request has none", () => {
    const [change] = requestStop(aRunningTask(), noGrace);
    expect(change?.task.stopGrace).toEqual(change?.task.spec?.stopGrace);
  });

  test("asked for twice, or too late, changes nothing", () => {
    const [once] = requestStop(aRunningTask(), noGrace);
    if (!once) throw new Error("the first stop is news");
    expect(requestStop(once.task, noGrace)).toEqual([]);
    const ended = { ...aRunningTask(), state: TaskState.FAILED };
    expect(requestStop(ended, noGrace)).toEqual([]);
  });
});

describe("a removal", () => {
  test("of an ended or pending task deletes the record at once", () => {
    for (const state of [TaskState.PENDING, TaskState.COMPLETED, TaskState.STOPPED])
      expect(requestRemoval({ ...aPendingTask(), state }, now)).toMatchObject([
        { kind: "removed" },
      ]);
  });

  test("of a running task is a wish that outlives a stop", () => {
    const [stop] = requestStop(aRunningTask(), noGrace);
    const [change] = requestRemoval(stop?.task ?? aRunningTask(), now);
    expect(change).toMatchObject({ kind: "written", task: { desiredState: DesiredState.REMOVE } });
    expect(requestRemoval(change?.task ?? aRunningTask(), now)).toEqual([]);
  });
});
