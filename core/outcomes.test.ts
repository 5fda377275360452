import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { PlacementSchema } from "../gen/berth/v1/placement_pb.ts";
import { FailureReason, TaskState } from "../gen/berth/v1/task_pb.ts";
import { anAttempt, aPendingTask, aPlacedTask, aStatus } from "../test/builders.ts";
import { outcomesOf } from "./outcomes.ts";

const on = (workerId: string) => create(PlacementSchema, { workerId });
const failure = (reason: FailureReason, message: string) => ({ reason, message });

test("every attempt that was placed or has ended is told in a line, latest first", () => {
  const task = {
    ...aPlacedTask("t1", "w5"),
    attempt: anAttempt(6, { placement: on("w5") }),
    successor: anAttempt(7, {
      placement: on("w6"),
      status: aStatus(TaskState.STARTING, { message: "pulling nginx" }),
    }),
    pastAttempts: [
      anAttempt(5, {
        placement: on("w4"),
        leaveReason: "moved to w5",
        status: aStatus(TaskState.RUNNING),
      }),
      anAttempt(4, { placement: on("w3"), status: aStatus(TaskState.COMPLETED, { exitCode: 0 }) }),
      anAttempt(3, {
        placement: on("w3"),
        status: aStatus(TaskState.LOST, { failure: failure(FailureReason.WORKER_LOST, "") }),
      }),
      anAttempt(2, {
        placement: on("w2"),
        leaveReason: "w2 drains",
        status: aStatus(TaskState.STOPPED, { exitCode: 143 }),
      }),
      anAttempt(1, {
        placement: on("w1"),
        status: aStatus(TaskState.FAILED, {
          exitCode: 3,
          failure: failure(FailureReason.EXITED, "exit code 3"),
        }),
      }),
    ],
  };
  expect(outcomesOf(task).map(({ attempt, explanation }) => `${attempt} ${explanation}`)).toEqual([
    "7 is starting on w6: pulling nginx",
    "6 is scheduled on w5",
    "5 is still being stopped on w4; it was to leave: moved to w5",
    "4 completed on w3 (exit code 0)",
    "3 was lost with w3, worker lost",
    "2 was stopped on w2 (exit code 143); it was to leave: w2 drains",
    "1 failed on w1: exit code 3",
  ]);
});

test("an attempt that waits for a place has no outcome yet", () => {
  expect(outcomesOf(aPendingTask())).toEqual([]);
});

test("an attempt that ended before it was placed says so", () => {
  const stopped = { ...aPendingTask(), state: TaskState.STOPPED };
  expect(outcomesOf(stopped)).toEqual([
    { attempt: 1, explanation: "was stopped before it was placed" },
  ]);
});
