import { describe, expect, test } from "@jest/globals";
import {
  FailureReason,
  OnDisconnect,
  RestartMode,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { anAttempt, aPendingTask, aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { deadlineOf, giveUpPlacement, unacceptedText } from "./deadlines.ts";
import { decideRestart } from "./restart.ts";
import { requestStop } from "./task-change.ts";
import { toTimestamp } from "./time.ts";
import { overdueStop } from "./waiting.ts";

const now = START_MS + 1_000;
const linked = { linked: true, sinceMs: START_MS };

describe("a task that waits for a place", () => {
  const patient = aPendingTask("t1", { placementTimeout: { seconds: 30n } });
  const withPast = (reason: FailureReason): Task => ({
    ...patient,
    retryTime: toTimestamp(now + 500),
    pastAttempts: [
      anAttempt(1, {
        status: aStatus(TaskState.FAILED, { finishTime: toTimestamp(now), failure: { reason } }),
      }),
    ],
  });

  test("has until its timeout, from its submission", () => {
    expect(deadlineOf(patient, undefined)).toEqual({ kind: "unplaced", dueMs: START_MS + 30_000 });
    expect(deadlineOf(aPendingTask(), undefined)).toBeUndefined();
  });

  test("has it anew for each restart, once it has backed off", () => {
    expect(deadlineOf(withPast(FailureReason.EXITED), undefined)?.dueMs).toBe(now + 30_500);
  });

  test("does not have it anew because a worker refused it", () => {
    expect(deadlineOf(withPast(FailureReason.REFUSED), undefined)?.dueMs).toBe(START_MS + 30_000);
  });

  test("fails when it passes, with the reason it waited for, and is not tried again", () => {
    const restartPolicy = { mode: RestartMode.ALWAYS };
    const spec = { placementTimeout: { seconds: 30n }, restartPolicy };
    const { task, reason } = giveUpPlacement(aPendingTask("t1", spec), now);
    expect(task.state).toBe(TaskState.FAILED);
    expect(reason).toBe("UNPLACEABLE: no place within 30 s: waits for placement");
    expect(task.waitingReason).toBe("");
    expect(decideRestart(task, { now, jitter: 0 }).kind).toBe("rested");
  });
});

describe("a task that waits to be accepted", () => {
  const placeAt = (task: Task): Task => {
    const { attempt } = task;
    const placement = attempt?.placement && {
      ...attempt.placement,
      placeTime: toTimestamp(START_MS),
    };
    return { ...task, ...(attempt && placement && { attempt: { ...attempt, placement } }) };
  };
  const placed = placeAt(aPlacedTask("t1", "w1"));
  const unlinked = { linked: false, sinceMs: now };

  test("is tried elsewhere after a bound, from the placement or from the link's last change", () => {
    expect(deadlineOf(placed, linked)).toEqual({ kind: "unaccepted", dueMs: START_MS + 30_000 });
    expect(deadlineOf(placed, unlinked)?.dueMs).toBe(now + 30_000);
    expect(deadlineOf(placed, undefined)).toBeUndefined();
    expect(unacceptedText(placed, linked)).toBe("worker w1 did not accept it within 30 s");
    expect(unacceptedText(placed, unlinked)).toContain("to which there is no link");
  });

  test("stays where it is while there must not be two of it and nobody knows", () => {
    const single = placeAt(aPlacedTask("t1", "w1", { onDisconnect: OnDisconnect.STOP }));
    expect(deadlineOf(single, unlinked)).toBeUndefined();
    expect(deadlineOf(single, linked)).toBeDefined();
  });

  test("has no such bound when it is to stop", () => {
    const [change] = requestStop(placed, { grace: undefined, now });
    expect(deadlineOf(change?.task ?? placed, linked)).toBeUndefined();
  });
});

test("a stop that is overdue is told of once", () => {
  const stopping: Task = {
    ...aPlacedTask("t1", "w1"),
    state: TaskState.STOPPING,
    stopGrace: { ...toDuration(2n) },
    attempt: anAttempt(1, {
      placement: { workerId: "w1" },
      status: aStatus(TaskState.STOPPING, { observeTime: toTimestamp(now) }),
    }),
  };
  expect(deadlineOf(stopping, linked)).toEqual({ kind: "overdue", dueMs: now + 12_000 });
  const told = { ...stopping, waitingReason: overdueStop(stopping) };
  expect(deadlineOf(told, linked)).toBeUndefined();
});

function toDuration(seconds: bigint) {
  return { $typeName: "google.protobuf.Duration", seconds, nanos: 0 } as const;
}
