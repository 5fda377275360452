import { create } from "@bufbuild/protobuf";
import {
  AttemptStatusSchema,
  DesiredState,
  FailureReason,
  FailureSchema,
  OnDisconnect,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { endMs, neverRan } from "./attempt-history.ts";
import { currentAttempt, move, type TaskChange, workerOf, write } from "./task-change.ts";
import { toMillis, toTimestamp } from "./time.ts";
import { graceEndMs, type LinkSight, overdueStop } from "./waiting.ts";

/** Something that is to happen to a task by a time, in milliseconds since the Unix epoch. */
export type Deadline = Readonly<{ dueMs: number; kind: "unplaced" | "unaccepted" | "overdue" }>;

/** A worker that has a link accepts within milliseconds; one that does not in this time never will. */
const ACCEPT_MS_MAX = 30_000;

/** An engine that is asked to kill needs this long at most. */
const KILL_MS_MAX = 10_000;

/** The next deadline of a task in the state that it is in. Workers keep those of a start. */
export function deadlineOf(task: Task, link: LinkSight | undefined): Deadline | undefined {
  switch (task.state) {
    case TaskState.PENDING:
      return placementDeadline(task);
    case TaskState.SCHEDULED:
      return acceptDeadline(task, link);
    case TaskState.STOPPING:
      if (task.waitingReason === overdueStop(task)) return undefined;
      return { dueMs: graceEndMs(task) + KILL_MS_MAX, kind: "overdue" };
    default:
      return undefined;
  }
}

function placementDeadline(task: Task): Deadline | undefined {
  const timeout = task.spec?.placementTimeout;
  return timeout && { dueMs: pendingSinceMs(task) + toMillis(timeout), kind: "unplaced" };
}

/**
 * Since when a task has been waiting for a place: from its submission or the end of its last run,
 * and not while it backs off. Workers that refuse it do not make the wait begin anew.
 */
function pendingSinceMs({ pastAttempts, retryTime, createTime }: Task): number {
  const [last] = pastAttempts;
  if (retryTime && last && !neverRan(last)) return toMillis(retryTime);
  const ran = pastAttempts.find((attempt) => !neverRan(attempt));
  if (ran) return endMs(ran);
  return createTime ? toMillis(createTime) : 0;
}

/**
 * While a worker has no link it may have accepted without our knowing, so that a task of which
 * there must not be two waits until the worker is back or lost.
 */
function acceptDeadline(task: Task, link: LinkSight | undefined): Deadline | undefined {
  const placeTime = currentAttempt(task).placement?.placeTime;
  const isSingle = task.spec?.onDisconnect === OnDisconnect.STOP;
  if (!placeTime || !link || task.desiredState !== DesiredState.RUN) return undefined;
  if (isSingle && !link.linked) return undefined;
  const sinceMs = Math.max(toMillis(placeTime), link.sinceMs);
  return { dueMs: sinceMs + ACCEPT_MS_MAX, kind: "unaccepted" };
}

/** What to say of an attempt that its worker did not accept in time. */
export const unacceptedText = (task: Task, link: LinkSight | undefined): string => {
  const why = link?.linked === false ? ", to which there is no link," : "";
  return `worker ${workerOf(task)}${why} did not accept it within ${ACCEPT_MS_MAX / 1000} s`;
};

/** Ends a pending task for which no place was found in time. */
export function giveUpPlacement(task: Task, now: number): TaskChange {
  const { retryTime: _, ...kept } = task;
  const timeoutMs = task.spec?.placementTimeout ? toMillis(task.spec.placementTimeout) : 0;
  const message = `no place within ${timeoutMs / 1000} s: ${task.waitingReason}`;
  const status = create(AttemptStatusSchema, {
    state: TaskState.FAILED,
    observeTime: toTimestamp(now),
    failure: create(FailureSchema, { reason: FailureReason.UNPLACEABLE, message }),
  });
  const ended = move(
    { ...kept, attempt: { ...currentAttempt(task), status } },
    TaskState.FAILED,
    now,
  );
  return write(ended, task.state, `UNPLACEABLE: ${message}`);
}
