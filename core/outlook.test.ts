import { describe, expect, test } from "@jest/globals";
import { DesiredState, RestartMode, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { aPendingTask, aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { giveUpPlacement } from "./deadlines.ts";
import { observe } from "./observe.ts";
import { outlookOf } from "./outlook.ts";
import { currentAttempt, schedule } from "./task-change.ts";
import { toTimestamp } from "./time.ts";

const SECOND_MS = 1_000;

/** A task whose attempts end in this state, one after another a second apart, until it rests. */
function runOut(task: Task, state: TaskState, times = 20): Task {
  let latest = task;
  for (let time = START_MS; time < START_MS + times * SECOND_MS; time += SECOND_MS) {
    const { placement, number } = currentAttempt(latest);
    if (latest.state === TaskState.PENDING && task.attempt?.placement)
      latest = schedule(latest, placement ?? task.attempt.placement, time).task;
    const status = aStatus(state, { containerId: "c", finishTime: toTimestamp(time) });
    const changes = observe(latest, { attempt: number, status, now: time, jitter: 0 });
    latest = changes.at(-1)?.task ?? latest;
  }
  return latest;
}

const placed = (restartPolicy: object) => aPlacedTask("t1", "w1", { restartPolicy });

describe("an ended task", () => {
  test.each([
    ["its restart policy is no", {}, TaskState.FAILED],
    [
      "it completed, and its restart policy is on-failure",
      { mode: RestartMode.ON_FAILURE },
      TaskState.COMPLETED,
    ],
    ["3 of 3 restarts used", { mode: RestartMode.ON_FAILURE, restartsMax: 3 }, TaskState.FAILED],
    [
      "2 of 2 restarts used in 60 s",
      { mode: RestartMode.ALWAYS, restartsMax: 2, window: { seconds: 60n } },
      TaskState.COMPLETED,
    ],
  ])("has no other attempt: %s", (why, policy, state) => {
    const task = runOut(placed(policy), state);
    expect(task.state).toBe(state);
    expect(outlookOf(task, START_MS)).toBe(`no other attempt follows: ${why}`);
    const muchLater = START_MS + 1_000_000 * SECOND_MS;
    expect(outlookOf(task, muchLater)).toBe(outlookOf(task, START_MS));
  });

  test("has no other attempt when a user stopped it", () => {
    const task = { ...placed({ mode: RestartMode.ALWAYS }), desiredState: DesiredState.STOP };
    const stopped = runOut(task, TaskState.STOPPED);
    expect(outlookOf(stopped, START_MS)).toBe("no other attempt follows: it was asked to stop");
  });

  test("has no other attempt when no place was found in time", () => {
    const task = aPendingTask("t1", { placementTimeout: { seconds: 30n } });
    const { task: ended } = giveUpPlacement(task, START_MS + 30 * SECOND_MS);
    expect(outlookOf(ended, START_MS)).toBe(
      "no other attempt follows: its placement timeout has passed",
    );
  });
});

describe("a pending task", () => {
  test("has its next attempt as soon as there is room", () => {
    const task = runOut(placed({ mode: RestartMode.ALWAYS }), TaskState.FAILED, 1);
    expect(outlookOf(task, START_MS)).toBe("attempt 2 follows as soon as a worker can take it");
    expect(outlookOf(aPendingTask(), START_MS)).toBe("");
  });

  test("waits first while it backs off", () => {
    const task = runOut(placed({ mode: RestartMode.ALWAYS }), TaskState.FAILED, 2);
    expect(task.state).toBe(TaskState.PENDING);
    expect(outlookOf(task, START_MS + SECOND_MS)).toBe("attempt 3 follows in 1 s");
  });

  test("says when it gives up waiting", () => {
    const task = aPendingTask("t1", { placementTimeout: { seconds: 30n } });
    expect(outlookOf(task, START_MS + 10 * SECOND_MS)).toBe(
      "it fails unless it is placed within 20 s",
    );
  });
});

test("nothing is foretold of a task that runs", () => {
  expect(outlookOf(placed({ mode: RestartMode.ALWAYS }), START_MS)).toBe("");
});
