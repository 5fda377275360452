import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { PlacementSchema } from "../gen/berth/v1/placement_pb.ts";
import {
  AttemptSchema,
  Health,
  RestartMode,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { lingering, nextNumber } from "./live-attempts.ts";
import { beginMove, leave, whyNotMovable, withdraw } from "./move.ts";
import { observe } from "./observe.ts";
import { remember } from "./past-attempts.ts";
import { deliveriesAfter } from "./reconcile.ts";
import { requestRemoval, requestStop } from "./task-change.ts";

const { RUNNING, STARTING, STOPPED, FAILED, COMPLETED, LOST } = TaskState;
const now = START_MS + 1_000;

const see = (task: Task, state: TaskState, attempt: number, init: object = {}) =>
  observe(task, {
    attempt,
    status: aStatus(state, { containerId: "c", ...init }),
    now,
    jitter: 0,
  });

const seen = (task: Task, state: TaskState, attempt: number, init?: object): Task =>
  see(task, state, attempt, init).at(-1)?.task ?? task;

/** A task that runs on w1 and has just begun to move to w2. */
function aMovingTask(mode = RestartMode.ALWAYS): Task {
  const running = seen(aPlacedTask("t1", "w1", { restartPolicy: { mode } }), RUNNING, 1);
  const placement = create(PlacementSchema, { workerId: "w2", scheduler: "spread" });
  return beginMove(running, { placement, reason: "w1 drains", now }).task;
}

const pushes = (task: Task) =>
  deliveriesAfter(task, false).map(
    ({ workerId, push }) => `${push.kind} ${push.attempt} ${workerId}`,
  );

test("the successor is started while the current attempt runs on", () => {
  const task = aMovingTask();
  expect(task).toMatchObject({ state: RUNNING, attempt: { number: 1 }, successor: { number: 2 } });
  expect(pushes(task)).toEqual(["start 2 w2"]);
  expect(whyNotMovable(task)).toBe("moves to w2");
});

test("once it runs it takes over, and the one before is stopped and then forgotten", () => {
  const moved = seen(aMovingTask(), RUNNING, 2);
  expect(moved).toMatchObject({ state: RUNNING, attempt: { number: 2 }, restartCount: 0 });
  expect(pushes(moved)).toEqual(["stop 1 w1"]);
  expect(whyNotMovable(moved)).toBe("its attempt 1 is still being stopped on w1");
  const done = seen(moved, STOPPED, 1);
  expect(lingering(done)).toEqual([]);
  expect(pushes(done)).toEqual([]);
});

test("a container that was left and ends by itself has stopped", () => {
  const failure = { reason: 50, message: "exit code 137" };
  const done = seen(seen(aMovingTask(), RUNNING, 2), FAILED, 1, { failure });
  expect(done.pastAttempts[0]?.status).toMatchObject({ state: STOPPED });
});

describe("when the current attempt ends first", () => {
  test.each([
    ["failed", FAILED],
    ["was lost", LOST],
  ])("it %s: the successor takes over as it is", (_, state) => {
    const moved = seen(seen(aMovingTask(), STARTING, 2), state, 1);
    expect(moved).toMatchObject({ state: STARTING, attempt: { number: 2 }, restartCount: 0 });
    expect(moved.successor).toBeUndefined();
  });

  test("it completed for good: the successor is stopped", () => {
    const done = seen(aMovingTask(RestartMode.ON_FAILURE), COMPLETED, 1);
    expect(done).toMatchObject({ state: COMPLETED, attempt: { number: 1 } });
    expect(pushes(done)).toEqual(["stop 2 w2"]);
  });
});

describe("a successor", () => {
  test.each([
    ["failed", FAILED, {}],
    ["was lost with its worker", LOST, {}],
    ["is unhealthy", RUNNING, { health: Health.UNHEALTHY }],
  ])("that %s is dropped, and its number is never used again", (_, state, init) => {
    const task = seen(aMovingTask(), state, 2, init);
    expect(task).toMatchObject({ state: RUNNING, attempt: { number: 1 } });
    expect(task.successor).toBeUndefined();
    expect(nextNumber(task)).toBe(3);
  });

  test("that is called back is stopped", () => {
    expect(pushes(withdraw(aMovingTask(), "w2 drains", now).task)).toEqual(["stop 2 w2"]);
  });
});

describe("a user's wish during a move", () => {
  test("to stop it stops both", () => {
    const [change] = requestStop(aMovingTask(), { grace: undefined, now });
    expect(change && pushes(change.task)).toEqual(["stop 1 w1", "stop 2 w2"]);
  });

  test("to remove it is granted once both are gone", () => {
    const wished = requestRemoval(aMovingTask(), now)[0]?.task ?? aMovingTask();
    const first = see(wished, STOPPED, 1);
    expect(first.map(({ kind }) => kind)).toEqual(["written"]);
    const last = see(first.at(-1)?.task ?? wished, STOPPED, 2);
    expect(last.map(({ kind }) => kind)).toEqual(["written", "removed"]);
  });
});

test("a task that leaves is stopped, and its next attempt is no restart", () => {
  const running = seen(aPlacedTask("t1", "w1"), RUNNING, 1);
  const leaving = leave(running, "w1 drains", now).task;
  expect(pushes(leaving)).toEqual(["stop 1 w1"]);
  const next = seen(leaving, STOPPED, 1);
  expect(next).toMatchObject({
    state: TaskState.PENDING,
    attempt: { number: 2 },
    restartCount: 0,
    waitingReason: "placed elsewhere: w1 drains",
  });
  expect(pushes(next)).toEqual(["forget 1 w1"]);
  expect(seen(leaving, COMPLETED, 1)).toMatchObject({ state: COMPLETED });
});

test("an attempt that has yet to stop is remembered longer than those that have ended", () => {
  const anAttempt = (number: number, state: TaskState) =>
    create(AttemptSchema, { number, status: { state } });
  const past = [4, 3, 2].map((number) => anAttempt(number, FAILED));
  const kept = remember(
    [...past, anAttempt(1, RUNNING), anAttempt(0, FAILED)],
    anAttempt(5, FAILED),
  );
  expect(kept.map(({ number }) => number)).toEqual([5, 4, 3, 2, 1]);
  expect(remember(kept, anAttempt(6, FAILED)).map(({ number }) => number)).toEqual([6, 5, 4, 3, 1]);
});
