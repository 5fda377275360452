import { describe, expect, test } from "@jest/globals";
import { FailureReason, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { outcomeOfExit, outcomeOfStop } from "./attempt-outcome.ts";

const exit = (exitCode: number, more = {}) => ({
  exitCode,
  oomKilled: false,
  error: "",
  startTimeMs: 1_000,
  finishTimeMs: 2_000,
  ...more,
});

describe("an exit by itself", () => {
  test("with code 0 completes the attempt", () => {
    expect(outcomeOfExit(exit(0))).toEqual({
      state: TaskState.COMPLETED,
      message: "exit code 0",
      exit: { exitCode: 0, startTimeMs: 1_000, finishTimeMs: 2_000 },
      failure: undefined,
    });
  });

  test("with another code fails it and keeps the code", () => {
    const { state, exit: facts, failure } = outcomeOfExit(exit(3));
    expect(state).toBe(TaskState.FAILED);
    expect(facts?.exitCode).toBe(3);
    expect(failure).toEqual({ reason: FailureReason.EXITED, message: "exit code 3" });
  });

  test.each([
    [128, undefined],
    [129, 1],
    [137, 9],
    [143, 15],
    [192, 64],
    [193, undefined],
    [255, undefined],
  ])("with code %i tells of signal %s", (code, signal) => {
    expect(outcomeOfExit(exit(code)).failure?.signal).toBe(signal);
  });

  test("for want of memory is told apart from any other kill", () => {
    const { failure } = outcomeOfExit(exit(137, { oomKilled: true }));
    expect(failure).toMatchObject({ reason: FailureReason.OOM_KILLED, signal: 9 });
  });

  test("with code 0 completes also when the kernel killed a child of the process", () => {
    expect(outcomeOfExit(exit(0, { oomKilled: true })).state).toBe(TaskState.COMPLETED);
  });

  test("of a process that never started is a failed start, in the engine's words", () => {
    const { failure, exit: facts } = outcomeOfExit(exit(127, { error: "no such command" }));
    expect(failure).toEqual({
      reason: FailureReason.START_FAILED,
      message: "no such command",
    });
    expect(facts).toBeUndefined();
  });
});

describe("a stop", () => {
  test("is no failure whatever the exit code", () => {
    const outcome = outcomeOfStop(exit(137));
    expect(outcome).toMatchObject({ state: TaskState.STOPPED, failure: undefined });
    expect(outcome.exit?.exitCode).toBe(137);
  });

  test("of something that never ran has no exit code", () => {
    expect(outcomeOfStop(undefined)).toMatchObject({ exit: undefined });
  });

  test("that the worker itself decided on is a failure, with the exit code", () => {
    const failure = { reason: FailureReason.DISCONNECTED, message: "cut off" };
    expect(outcomeOfStop(exit(143), { failure, late: "it does not die" })).toMatchObject({
      state: TaskState.FAILED,
      message: "cut off: stopped, exit code 143 (signal 15)",
      exit: { exitCode: 143 },
      failure,
    });
  });

  test("that the worker decided on comes too late where memory has run out", () => {
    const failure = { reason: FailureReason.DISCONNECTED, message: "cut off" };
    expect(outcomeOfStop(exit(137, { oomKilled: true }), { failure })).toMatchObject({
      state: TaskState.FAILED,
      failure: { reason: FailureReason.OOM_KILLED },
    });
    expect(outcomeOfStop(exit(0, { oomKilled: true }), { failure })).toMatchObject({ failure });
  });

  test("that came late says so", () => {
    expect(outcomeOfStop(exit(0), { late: "it does not die" }).failure).toEqual({
      reason: FailureReason.STOP_TIMEOUT,
      message: "stopped late: it does not die",
    });
  });
});
