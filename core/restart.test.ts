import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { RestartMode, RestartPolicySchema, TaskState } from "../gen/berth/v1/task_pb.ts";
import { decideRestart } from "./restart.ts";

const policy = (mode: RestartMode, restartsMax?: number) =>
  create(RestartPolicySchema, { mode, ...(restartsMax !== undefined && { restartsMax }) });

const ended = (mode: RestartMode, state: TaskState, runTimesMs = [0]) => ({
  policy: policy(mode),
  state,
  restartCount: runTimesMs.length - 1,
  runTimesMs,
});

describe("whether a task is tried again", () => {
  test.each([
    [RestartMode.NO, TaskState.FAILED, "rested"],
    [RestartMode.ON_FAILURE, TaskState.FAILED, "restarted"],
    [RestartMode.ON_FAILURE, TaskState.LOST, "restarted"],
    [RestartMode.ON_FAILURE, TaskState.COMPLETED, "rested"],
    [RestartMode.ALWAYS, TaskState.COMPLETED, "restarted"],
    [RestartMode.UNLESS_STOPPED, TaskState.FAILED, "restarted"],
  ])("mode %i after state %i: %s", (mode, state, kind) => {
    expect(decideRestart(ended(mode, state), 0).kind).toBe(kind);
  });

  test("not beyond the most restarts", () => {
    const last = { ...ended(RestartMode.ALWAYS, TaskState.FAILED), restartCount: 3 };
    expect(decideRestart({ ...last, policy: policy(RestartMode.ALWAYS, 3) }, 0).kind).toBe(
      "rested",
    );
    expect(decideRestart({ ...last, policy: policy(RestartMode.ALWAYS, 4) }, 0).kind).toBe(
      "restarted",
    );
  });
});

describe("when", () => {
  const delayAfter = (runTimesMs: number[], jitter: number) => {
    const decision = decideRestart(ended(RestartMode.ALWAYS, TaskState.FAILED, runTimesMs), jitter);
    return decision.kind === "restarted" ? decision.delayMs : undefined;
  };

  test("at once the first time, then ever later", () => {
    expect([1, 2, 3, 4].map((count) => delayAfter(Array(count).fill(10), 0.999))).toEqual([
      0, 1_000, 1_999, 3_998,
    ]);
  });

  test("at once again after a stable run", () => {
    expect(delayAfter([10, 90_000, 10, 10], 0.5)).toBe(0);
    expect(delayAfter([90_000, 10, 10, 10], 0.5)).toBe(0);
  });

  test("never later than the cap, never earlier than half the step", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 40 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (count, jitter) => {
          const step = Math.min(30_000, 1_000 * 2 ** (count - 2));
          const delay = delayAfter(Array(count).fill(0), jitter) ?? -1;
          expect(delay).toBeGreaterThanOrEqual(step / 2);
          expect(delay).toBeLessThanOrEqual(step);
        },
      ),
    );
  });
});
