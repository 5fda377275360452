import { describe, expect, test } from "@jest/globals";
import { FailureReason, RestartMode, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { lostStatus, recordReturn } from "./attempt-lost.ts";
import { observe } from "./observe.ts";
import { currentAttempt } from "./task-change.ts";

const now = START_MS + 1_000;

/** A task whose worker was lost after it had reported a container, or before. */
function lose(task: Task, containerId = "c1"): Task {
  const status = aStatus(TaskState.RUNNING, { containerId });
  const running =
    containerId === ""
      ? task
      : (observe(task, { attempt: 1, status, now, jitter: 0 })[0]?.task ?? task);
  const lost = lostStatus(currentAttempt(running), "worker w1 was lost: lease expired", now);
  return observe(running, { attempt: 1, status: lost, now, jitter: 0 }).at(-1)?.task ?? running;
}

const restarting = { restartPolicy: { mode: RestartMode.ON_FAILURE } };

describe("an attempt whose worker is lost", () => {
  test("is the end of a task that may have run and is not restarted", () => {
    const task = lose(aPlacedTask());
    expect(task.state).toBe(TaskState.LOST);
    expect(task.attempt?.status).toMatchObject({
      containerId: "c1",
      failure: { reason: FailureReason.WORKER_LOST, message: "worker w1 was lost: lease expired" },
    });
  });

  test("is followed by another one where the policy says so, counted as a restart", () => {
    const task = lose(aPlacedTask("t1", "w1", restarting));
    expect(task).toMatchObject({ state: TaskState.PENDING, restartCount: 1 });
  });

  test("is tried elsewhere, whatever the policy, when it never had a container", () => {
    const task = lose(aPlacedTask(), "");
    expect(task).toMatchObject({
      state: TaskState.PENDING,
      restartCount: 0,
      attempt: { number: 2 },
      waitingReason: "tries another worker after attempt 1 (worker lost)",
    });
  });
});

describe("a lost attempt whose worker is back", () => {
  test("is recorded once, by number and worker", () => {
    for (const before of [lose(aPlacedTask("t1", "w1", restarting)), lose(aPlacedTask())]) {
      const [change, ...others] = recordReturn(before, 1, now);
      expect(others).toEqual([]);
      expect(change).toMatchObject({
        reason: "worker w1 is back: attempt 1 is stopped there",
        workerId: "w1",
      });
      expect(change?.task.state).toBe(before.state);
      expect(recordReturn(change?.task ?? before, 1, now)).toEqual([]);
    }
  });

  test("is no news when it was not lost, or is no attempt of the task", () => {
    expect(recordReturn(aPlacedTask(), 1, now)).toEqual([]);
    expect(recordReturn(lose(aPlacedTask()), 2, now)).toEqual([]);
  });
});
