import { create } from "@bufbuild/protobuf";
import {
  type Attempt,
  type AttemptStatus,
  AttemptStatusSchema,
  FailureReason,
  FailureSchema,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { findAttempt } from "./live-attempts.ts";
import { type TaskChange, write } from "./task-change.ts";
import { toTimestamp } from "./time.ts";

/** What the manager says of an attempt whose worker can no longer tell. */
export const lostStatus = (attempt: Attempt, message: string, now: number): AttemptStatus => ({
  ...(attempt.status ?? create(AttemptStatusSchema)),
  state: TaskState.LOST,
  observeTime: toTimestamp(now),
  failure: create(FailureSchema, { reason: FailureReason.WORKER_LOST, message }),
  ready: false,
});

/**
 * Records that a lost attempt still runs on its worker, which is back, and is stopped now. Empty
 * when that is on record, and for an attempt that was not lost.
 */
export function recordReturn(task: Task, number: number, now: number): readonly TaskChange[] {
  const known = findAttempt(task, number);
  const status = known?.attempt.status;
  if (!known || status?.state !== TaskState.LOST) return [];
  const { workerId } = known;
  const message = `worker ${workerId} is back: attempt ${number} is stopped there`;
  if (status.message === message) return [];
  const noted: Attempt = { ...known.attempt, status: { ...status, message } };
  const next: Task = {
    ...task,
    updateTime: toTimestamp(now),
    pastAttempts: task.pastAttempts.map((past) => (past.number === number ? noted : past)),
    ...(known.role === "current" && { attempt: noted }),
  };
  return [{ ...write(next, task.state, message), workerId }];
}
