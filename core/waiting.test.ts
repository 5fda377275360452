import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DesiredState, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { aPendingTask, aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { observe } from "./observe.ts";
import { currentAttempt, requestStop } from "./task-change.ts";
import { toTimestamp } from "./time.ts";
import { overdueStop, waitingFor } from "./waiting.ts";

const now = START_MS + 1_000;

const see = (task: Task, state: TaskState, message = ""): Task =>
  observe(task, {
    attempt: 1,
    status: aStatus(state, { message, observeTime: toTimestamp(now) }),
    now,
    jitter: 0,
  })[0]?.task ?? task;

const stopped = (task: Task): Task => requestStop(task, { grace: undefined, now })[0]?.task ?? task;

describe("a task says what it waits for", () => {
  const placed = aPlacedTask("t1", "w1");

  test.each([
    ["pending", aPendingTask(), "waits for placement"],
    ["scheduled", placed, "waits for worker w1 to accept it"],
    ["starting", see(placed, TaskState.STARTING), "waits for worker w1 to start it"],
    ["pulling", see(placed, TaskState.STARTING, "pulling nginx:1.27"), "pulling nginx:1.27"],
    ["running", see(placed, TaskState.RUNNING, "running"), ""],
    ["running, to stop", stopped(see(placed, TaskState.RUNNING)), "waits for worker w1 to stop it"],
    [
      "stopping",
      see(stopped(see(placed, TaskState.RUNNING)), TaskState.STOPPING),
      "waits for the container to stop, grace 10 s",
    ],
    ["ended", see(placed, TaskState.FAILED), ""],
  ])("while it is %s", (_, task, reason) => {
    expect(task.waitingReason).toBe(reason);
  });

  test("and that there is no link to the worker it waits for", () => {
    const link = { linked: false, sinceMs: START_MS + 5_700 };
    expect(waitingFor(placed, link)).toBe(
      "waits for worker w1 to accept it; there is no link to worker w1 since 2026-01-01T00:00:05Z",
    );
    expect(waitingFor(placed, { ...link, linked: true })).toBe("waits for worker w1 to accept it");
    expect(waitingFor(see(placed, TaskState.RUNNING), link)).toBe("");
    expect(waitingFor(aPendingTask(), link)).toBe("waits for placement");
  });

  test("when it should have stopped by now", () => {
    const stopping = see(stopped(see(placed, TaskState.RUNNING)), TaskState.STOPPING);
    expect(overdueStop(stopping)).toBe(
      "waits for worker w1 to confirm that the container is gone: " +
        "its grace of 10 s ended at 2026-01-01T00:00:11Z",
    );
  });
});

test("whatever is reported, a task waits with a reason or not at all", () => {
  const anyState = fc.constantFrom(
    ...Object.values(TaskState).filter((s): s is TaskState => typeof s === "number"),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(anyState, fc.boolean()), { maxLength: 12 }), (steps) => {
      let task = aPlacedTask("t1", "w1");
      for (const [state, isStopped] of steps) {
        if (isStopped) task = stopped(task);
        const { number } = currentAttempt(task);
        const changes = observe(task, { attempt: number, status: aStatus(state), now, jitter: 0 });
        task = changes.at(-1)?.task ?? task;
        const isSettled = task.state >= TaskState.COMPLETED || task.state === TaskState.RUNNING;
        if (!isSettled) expect(task.waitingReason).not.toBe("");
        if (isSettled && task.desiredState === DesiredState.RUN)
          expect(task.waitingReason).toBe("");
      }
    }),
  );
});
