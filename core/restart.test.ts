import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type Attempt,
  FailureReason,
  RestartMode,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { anAttempt, aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { decideRestart, restartTimesAfter, retryMs } from "./restart.ts";
import { toTimestamp } from "./time.ts";

const now = START_MS + 3_600_000;

type Policy = Readonly<{
  restartsMax?: number;
  windowSeconds?: number;
  firstSeconds?: number;
  maxSeconds?: number;
}>;

const span = (seconds: number | undefined) =>
  seconds === undefined ? undefined : { seconds: BigInt(seconds) };

function policyOf(mode: RestartMode, policy: Policy) {
  const { restartsMax, windowSeconds, firstSeconds, maxSeconds } = policy;
  const [window, backoffFirst, backoffMax] = [windowSeconds, firstSeconds, maxSeconds].map(span);
  return {
    mode,
    ...(restartsMax !== undefined && { restartsMax }),
    ...(window && { window }),
    ...(backoffFirst && { backoffFirst }),
    ...(backoffMax && { backoffMax }),
  };
}

/** A task whose attempts ran for these times, latest first; the first of them has just ended. */
function ended(
  mode: RestartMode,
  state: TaskState,
  { runTimesMs = [0], ...policy }: Policy & { runTimesMs?: readonly number[] } = {},
): Task {
  const attempts = runTimesMs.map((runTimeMs, index) =>
    anAttempt(runTimesMs.length - index, {
      status: aStatus(index === 0 ? state : TaskState.FAILED, {
        containerId: "c",
        startTime: toTimestamp(now - runTimeMs),
        finishTime: toTimestamp(now),
      }),
    }),
  );
  return withAttempts(
    { ...aPlacedTask("t1", "w1", { restartPolicy: policyOf(mode, policy) }), state },
    attempts,
  );
}

const withAttempts = (task: Task, attempts: readonly Attempt[]): Task => {
  const [attempt = anAttempt(1), ...pastAttempts] = attempts;
  return {
    ...task,
    state: attempt.status?.state ?? task.state,
    attempt,
    pastAttempts: pastAttempts.slice(0, 5),
    restartCount: pastAttempts.length,
  };
};

/** The next thing to 1, so that delays are the longest. */
const LATEST = 1 - 2 ** -40;

const decide = (task: Task, jitter = LATEST) => decideRestart(task, { now, jitter });

describe("whether a task is tried again", () => {
  test.each([
    [RestartMode.NO, TaskState.FAILED, "rested"],
    [RestartMode.NO, TaskState.LOST, "rested"],
    [RestartMode.ON_FAILURE, TaskState.FAILED, "restarted"],
    [RestartMode.ON_FAILURE, TaskState.LOST, "restarted"],
    [RestartMode.ON_FAILURE, TaskState.COMPLETED, "rested"],
    [RestartMode.ALWAYS, TaskState.COMPLETED, "restarted"],
    [RestartMode.UNLESS_STOPPED, TaskState.FAILED, "restarted"],
  ])("mode %i after state %i: %s", (mode, state, kind) => {
    expect(decide(ended(mode, state)).kind).toBe(kind);
  });

  test("not beyond the most restarts of its life", () => {
    const task = (restartsMax: number) => ({
      ...ended(RestartMode.ALWAYS, TaskState.FAILED, { restartsMax }),
      restartCount: 3,
    });
    expect(decide(task(4)).kind).toBe("restarted");
    expect(decide(task(3))).toEqual({
      kind: "rested",
      reason: "not restarted again: 3 of 3 restarts used",
    });
  });

  test("not beyond the most restarts of its window, but again once the window has moved on", () => {
    const task: Task = {
      ...ended(RestartMode.ON_FAILURE, TaskState.FAILED, { restartsMax: 2, windowSeconds: 60 }),
      restartCount: 40,
      restartTimes: [now - 10_000, now - 59_000].map(toTimestamp),
    };
    expect(decide(task)).toEqual({
      kind: "rested",
      reason: "not restarted again: 2 of 2 restarts used in 60 s",
    });
    expect(decideRestart(task, { now: now + 1_000, jitter: 0 }).kind).toBe("restarted");
  });
});

describe("an attempt that never ran", () => {
  const refused = (number: number) =>
    anAttempt(number, {
      status: aStatus(TaskState.FAILED, { failure: { reason: FailureReason.REFUSED } }),
    });
  const lost = (containerId: string) =>
    anAttempt(1, { status: aStatus(TaskState.LOST, { containerId }) });
  const never = aPlacedTask("t1", "w1");

  test("is tried elsewhere at once, whatever the policy says", () => {
    for (const attempt of [refused(1), lost("")])
      expect(decide(withAttempts(never, [attempt]))).toEqual({ kind: "retried", delayMs: 0 });
    expect(decide(withAttempts(never, [lost("c1")])).kind).toBe("rested");
  });

  test("is tried after a pause when many workers have refused it", () => {
    const refusals = (count: number) =>
      Array.from({ length: count }, (_, index) => refused(count - index));
    expect(decide(withAttempts(never, refusals(5)))).toEqual({ kind: "retried", delayMs: 0 });
    expect(decide(withAttempts(never, refusals(6)))).toEqual({ kind: "retried", delayMs: 30_000 });
  });

  test("neither lengthens nor ends a row of failures", () => {
    const task = ended(RestartMode.ALWAYS, TaskState.FAILED, { runTimesMs: [0, 0] });
    const [first, ...others] = task.pastAttempts;
    const withRefusal = { ...task, pastAttempts: [first ?? refused(9), refused(8), ...others] };
    expect(decide(withRefusal)).toEqual(decide(task));
  });
});

describe("when", () => {
  const delayAfter = (runTimesMs: readonly number[], policy: Policy = {}, jitter = LATEST) => {
    const task = ended(RestartMode.ALWAYS, TaskState.FAILED, { runTimesMs, ...policy });
    const decision = decide(task, jitter);
    return decision.kind === "restarted" ? decision.delayMs : undefined;
  };
  const early = (count: number) => Array<number>(count).fill(10);

  test("at once the first time, then ever later, to a cap that outlives the memory", () => {
    expect([1, 2, 3, 4, 5, 6, 7, 30].map((count) => delayAfter(early(count)))).toEqual([
      0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
    ]);
  });

  test("as the policy says", () => {
    const policy = { firstSeconds: 60, maxSeconds: 150 };
    expect([1, 2, 3, 4].map((count) => delayAfter(early(count), policy))).toEqual([
      0, 60_000, 120_000, 150_000,
    ]);
    expect(delayAfter(early(9), { firstSeconds: 60 })).toBe(60_000);
    expect(delayAfter(early(60), { firstSeconds: 0 })).toBe(0);
    expect(delayAfter(early(60), { maxSeconds: 3_600 })).toBe(3_600_000);
  });

  test("at once again after a stable run", () => {
    expect(delayAfter([10, 90_000, 10, 10])).toBe(0);
    expect(delayAfter([90_000, 10, 10, 10])).toBe(0);
  });

  test("never later than the cap, never earlier than half the step", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 40 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (count, jitter) => {
          const step = Math.min(30_000, 1_000 * 2 ** (count - 2));
          const delay = delayAfter(early(count), {}, jitter) ?? -1;
          expect(delay).toBeGreaterThanOrEqual(step / 2);
          expect(delay).toBeLessThanOrEqual(step);
        },
      ),
    );
  });
});

describe("the times of restarts", () => {
  test("are not kept without a window", () => {
    expect(restartTimesAfter(ended(RestartMode.ALWAYS, TaskState.FAILED), now)).toEqual([]);
  });

  test("are those within the window, latest first, at most a hundred", () => {
    const task = ended(RestartMode.ALWAYS, TaskState.FAILED, { windowSeconds: 60 });
    const at = (...times: number[]) => ({ ...task, restartTimes: times.map(toTimestamp) });
    expect(restartTimesAfter(at(now - 1_000, now - 60_000), now)).toEqual([now, now - 1_000]);
    const many = Array.from({ length: 100 }, (_, index) => now - index);
    expect(restartTimesAfter(at(...many), now)).toHaveLength(100);
  });
});

test("a task never restarts more often within its window than its policy allows", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 5 }),
      fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 60 }),
      (restartsMax, gaps) => {
        let task = ended(RestartMode.ALWAYS, TaskState.FAILED, { restartsMax, windowSeconds: 60 });
        let time = now;
        const restarts: number[] = [];
        for (const gap of gaps) {
          time += gap;
          if (decideRestart(task, { now: time, jitter: 0 }).kind !== "restarted") continue;
          task = { ...task, restartTimes: restartTimesAfter(task, time).map(toTimestamp) };
          restarts.push(time);
          const within = restarts.filter((restart) => restart > time - 60_000);
          expect(within.length).toBeLessThanOrEqual(restartsMax);
        }
      },
    ),
  );
});

describe("when a pending task is due", () => {
  const dueIn = (ms: number, policy: Policy = {}) => {
    const task = ended(RestartMode.ALWAYS, TaskState.FAILED, policy);
    return retryMs({ ...task, retryTime: toTimestamp(now + ms) }, now) - now;
  };

  test("is what its retry time says", () => {
    expect([-5_000, 0, 30_000].map((ms) => dueIn(ms))).toEqual([-5_000, 0, 30_000]);
    expect(dueIn(60_000, { maxSeconds: 60 })).toBe(60_000);
  });

  test("is now, when a clock that was ahead set the time further off than any delay", () => {
    expect(dueIn(3_600_000)).toBe(0);
    expect(dueIn(60_001, { maxSeconds: 60 })).toBe(0);
  });
});
