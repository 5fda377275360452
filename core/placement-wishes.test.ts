import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Attempt, FailureReason, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { anAttempt, aPendingTask, aStatus, START_MS } from "../test/builders.ts";
import { NO_WISHES } from "./placement/wishes.ts";
import { refusalEndMs, refusalText, wishesOf } from "./placement-wishes.ts";
import { toTimestamp } from "./time.ts";

const now = START_MS + 3_600_000;

type End = Readonly<{ on: string; state?: TaskState; ranMs?: number; refused?: boolean }>;

const attemptOf = ({ on, state = TaskState.FAILED, ranMs = 0, refused = false }: End): Attempt =>
  anAttempt(1, {
    placement: { workerId: on },
    status: aStatus(state, {
      containerId: refused ? "" : "c",
      startTime: toTimestamp(now - 1_000 - ranMs),
      finishTime: toTimestamp(now - 1_000),
      failure: {
        reason: refused ? FailureReason.REFUSED : FailureReason.EXITED,
        message: "not here",
      },
    }),
  });

/** A pending task with these attempts behind it, latest first. */
const withPast = (...ends: readonly End[]): Task => ({
  ...aPendingTask(),
  pastAttempts: ends.map(attemptOf),
});

const wishes = (...ends: readonly End[]) => {
  const { prefer, avoid, exclude } = wishesOf(withPast(...ends), now);
  return { prefer, avoid: [...avoid], exclude: [...exclude] };
};

test("a task without a past wishes nothing", () => {
  expect(wishesOf(withPast(), now)).toBe(NO_WISHES);
});

describe("a restart goes back to the worker it ran on", () => {
  test("after one failure, and after any end of a long run", () => {
    expect(wishes({ on: "w1" })).toEqual({ prefer: "w1", avoid: [], exclude: [] });
    expect(wishes({ on: "w1", ranMs: 60_000 }, { on: "w1" }).prefer).toBe("w1");
    expect(wishes({ on: "w1", state: TaskState.COMPLETED }, { on: "w1" }).prefer).toBe("w1");
  });

  test("also when another worker has refused it in between", () => {
    expect(wishes({ on: "w2", refused: true }, { on: "w1" })).toEqual({
      prefer: "w1",
      avoid: [],
      exclude: ["w2"],
    });
  });

  test("but not when the worker was lost, or the attempt sent away", () => {
    expect(wishes({ on: "w1", state: TaskState.LOST }).prefer).toBeUndefined();
    const task = withPast({ on: "w1", state: TaskState.STOPPED });
    const sent = task.pastAttempts.map((attempt) => ({ ...attempt, leaveReason: "w1 drains" }));
    expect(wishesOf({ ...task, pastAttempts: sent }, now).prefer).toBeUndefined();
  });
});

describe("a worker where the task keeps failing is avoided", () => {
  test("after two early failures in a row there", () => {
    expect(wishes({ on: "w1" }, { on: "w1" })).toEqual({ avoid: ["w1"], exclude: [] });
    expect(wishes({ on: "w2" }, { on: "w1" }, { on: "w1" })).toEqual({
      prefer: "w2",
      avoid: ["w1"],
      exclude: [],
    });
  });

  test("not when a run in between went well", () => {
    expect(wishes({ on: "w1" }, { on: "w1", ranMs: 60_000 }, { on: "w1" }).avoid).toEqual([]);
  });
});

describe("a worker that refused the task", () => {
  const task = withPast({ on: "w1", refused: true });

  test("is left out for a minute", () => {
    expect([...wishesOf(task, now).exclude]).toEqual(["w1"]);
    expect([...wishesOf(task, now + 59_000).exclude]).toEqual([]);
    expect(refusalEndMs(task, now)).toBe(now + 59_000);
    expect(refusalEndMs(withPast({ on: "w1" }), now)).toBe(Number.POSITIVE_INFINITY);
  });

  test("is quoted", () => {
    expect(refusalText(task, now)).toBe("worker w1: not here");
    expect(refusalText(withPast({ on: "w1" }), now)).toBe("");
  });
});

test("whatever the past, no worker is preferred that is avoided or left out", () => {
  const anyEnd = fc.record({
    on: fc.constantFrom("w1", "w2", "w3"),
    state: fc.constantFrom(TaskState.FAILED, TaskState.COMPLETED, TaskState.LOST),
    ranMs: fc.constantFrom(0, 90_000),
    refused: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(anyEnd, { maxLength: 5 }), (ends) => {
      const { prefer, avoid, exclude } = wishesOf(withPast(...ends), now);
      expect(avoid.has(prefer ?? "") || exclude.has(prefer ?? "")).toBe(false);
    }),
  );
});
