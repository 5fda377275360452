import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  DesiredState,
  FailureReason,
  Health,
  RestartMode,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { observe, vanished } from "./observe.ts";
import { requestRemoval, requestStop } from "./task-change.ts";
import { isLater, isTerminal } from "./task-state.ts";

const now = START_MS + 1_000;
const see = (task: Task, state: TaskState, attempt = 1) =>
  observe(task, { attempt, status: aStatus(state), now, jitter: 0 });
const restarting = { restartPolicy: { mode: RestartMode.ALWAYS } };

describe("a report", () => {
  test("takes the task forward", () => {
    const [change] = see(aPlacedTask(), TaskState.RUNNING);
    expect(change?.fromState).toBe(TaskState.SCHEDULED);
    expect(change?.task.state).toBe(TaskState.RUNNING);
  });

  test("that is stale, repeated or of another attempt changes nothing", () => {
    const running = see(aPlacedTask(), TaskState.RUNNING)[0]?.task ?? aPlacedTask();
    expect(see(running, TaskState.STARTING)).toEqual([]);
    expect(see(running, TaskState.RUNNING)).toEqual([]);
    expect(see(running, TaskState.FAILED, 2)).toEqual([]);
  });

  test("with a new message is news while the attempt has not ended", () => {
    const starting = see(aPlacedTask(), TaskState.STARTING)[0]?.task ?? aPlacedTask();
    const status = aStatus(TaskState.STARTING, { message: "pulling busybox:1" });
    const [change] = observe(starting, { attempt: 1, status, now, jitter: 0 });
    expect(change?.task.attempt?.status?.message).toBe("pulling busybox:1");
  });

  test("of a failure says why in the event", () => {
    const failure = { reason: FailureReason.EXITED, message: "exit code 3" };
    const status = aStatus(TaskState.FAILED, { exitCode: 3, failure });
    const [change] = observe(aPlacedTask(), { attempt: 1, status, now, jitter: 0 });
    expect(change?.reason).toBe("exited: exit code 3");
  });
});

describe("an end", () => {
  test("is followed by the next attempt where the policy says so", () => {
    const changes = see(aPlacedTask("t1", "w1", restarting), TaskState.FAILED);
    expect(changes.map(({ task }) => task.state)).toEqual([TaskState.FAILED, TaskState.PENDING]);
    const task = changes[1]?.task;
    expect(task?.attempt?.number).toBe(2);
    expect(task?.restartCount).toBe(1);
    expect(task?.pastAttempts.map(({ number }) => number)).toEqual([1]);
    expect(task?.waitingReason).toContain("restarts after attempt 1");
  });

  test("is not followed by another attempt once a stop is wished", () => {
    const running = see(aPlacedTask("t1", "w1", restarting), TaskState.RUNNING)[0]?.task;
    const stopping = requestStop(running ?? aPlacedTask(), { grace: undefined, now })[0]?.task;
    const changes = see(stopping ?? aPlacedTask(), TaskState.STOPPED);
    expect(changes.map(({ task }) => task.state)).toEqual([TaskState.STOPPED]);
  });

  test("that came by itself while a stop was wished is a stop, with the exit code", () => {
    const wished = { ...aPlacedTask(), desiredState: DesiredState.STOP };
    const failure = { reason: FailureReason.EXITED, message: "exit code 143" };
    for (const status of [
      aStatus(TaskState.COMPLETED, { exitCode: 0 }),
      aStatus(TaskState.FAILED, { exitCode: 143, failure }),
    ])
      for (const state of [TaskState.RUNNING, TaskState.STOPPING]) {
        const [change] = observe({ ...wished, state }, { attempt: 1, status, now, jitter: 0 });
        expect(change?.task.state).toBe(TaskState.STOPPED);
        expect(change?.task.attempt?.status).toMatchObject({ exitCode: status.exitCode });
        expect(change?.task.attempt?.status?.failure).toBeUndefined();
      }
  });

  test("is followed by the removal that was wished", () => {
    const wished = requestRemoval(aPlacedTask(), now)[0]?.task ?? aPlacedTask();
    expect(see(wished, TaskState.STOPPED).map(({ kind }) => kind)).toEqual(["written", "removed"]);
  });

  test("remembers five attempts at most", () => {
    let task = aPlacedTask("t1", "w1", restarting);
    for (let attempt = 1; attempt <= 8; attempt++) {
      const placed = { ...task, state: TaskState.SCHEDULED };
      task = see(placed, TaskState.FAILED, attempt).at(-1)?.task ?? task;
    }
    expect(task.pastAttempts.map(({ number }) => number)).toEqual([8, 7, 6, 5, 4]);
  });
});

describe("an attempt of which the worker holds no trace", () => {
  test("has failed when it should run", () => {
    const status = vanished(aPlacedTask(), 1, now);
    expect(status.state).toBe(TaskState.FAILED);
    expect(status.failure?.reason).toBe(FailureReason.REMOVED_EXTERNALLY);
  });

  test("is stopped when it should stop", () => {
    const task = { ...aPlacedTask(), desiredState: DesiredState.STOP };
    expect(vanished(task, 1, now).state).toBe(TaskState.STOPPED);
  });
});

test("whatever is reported in whatever order, the task only moves forward", () => {
  const anyState = fc.constantFrom(
    ...Object.values(TaskState).filter((s): s is TaskState => typeof s === "number"),
  );
  const anyReports = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), anyState), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(anyReports, (reports) => {
      let task = aPlacedTask("t1", "w1", restarting);
      for (const [attempt, state] of reports) {
        for (const change of see(task, state, attempt)) {
          const before = { attempt: task.attempt?.number ?? 0, state: task.state };
          const after = { attempt: change.task.attempt?.number ?? 0, state: change.task.state };
          expect(isLater(after, before)).toBe(true);
          if (after.attempt > before.attempt) expect(isTerminal(before.state)).toBe(true);
          task = change.task;
        }
        if (task.state === TaskState.PENDING) task = { ...task, state: TaskState.SCHEDULED };
      }
    }),
  );
});

describe("an unhealthy attempt", () => {
  const unhealthy = { health: Health.UNHEALTHY, probeMessage: "liveness probe: HTTP status 500" };
  const found = (task = aPlacedTask("t1", "w1", restarting)): Task => {
    const status = aStatus(TaskState.RUNNING, unhealthy);
    return observe(task, { attempt: 1, status, now, jitter: 0 })[0]?.task ?? task;
  };

  test("is news in a running task, and so is every other change of health", () => {
    const [running] = see(aPlacedTask(), TaskState.RUNNING);
    expect(found(running?.task).attempt?.status?.health).toBe(Health.UNHEALTHY);
  });

  test("that was stopped by whomever has failed, and is restarted by policy", () => {
    const [failed, next] = see(found(), TaskState.STOPPED);
    expect(failed?.task).toMatchObject({
      state: TaskState.FAILED,
      attempt: { status: { failure: { reason: FailureReason.UNHEALTHY } } },
    });
    expect(next?.task).toMatchObject({ state: TaskState.PENDING, attempt: { number: 2 } });
  });

  test("that ended with exit code 0 while it was stopped is not completed", () => {
    const [stopping] = see(found(), TaskState.STOPPING);
    const [failed] = see(stopping?.task ?? found(), TaskState.COMPLETED);
    expect(failed?.task.state).toBe(TaskState.FAILED);
  });

  test("that a user stops in time has stopped", () => {
    const [wished] = requestStop(found(), { grace: undefined, now });
    const failure = { reason: FailureReason.UNHEALTHY, message: "liveness probe: no" };
    const status = aStatus(TaskState.FAILED, { ...unhealthy, failure });
    const changes = observe(wished?.task ?? found(), { attempt: 1, status, now, jitter: 0 });
    expect(changes.map(({ task }) => task.state)).toEqual([TaskState.STOPPED]);
  });
});
