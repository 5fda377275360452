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

/** An attempt and the worker that told of it. */
export type Returned = Readonly<{ attempt: number; workerId: string; now: number }>;

/**
 * Records that a lost attempt still runs on its worker, which is back, and is stopped now. Empty
 * when that is on record, and for an attempt that was not lost.
 */
export function recordReturn(task: Task, returned: Returned): readonly TaskChange[] {
  const { attempt: number, workerId, now } = returned;
  const message = `worker ${workerId} is back: attempt ${number} is stopped there`;
  const note = (attempt: Attempt): Attempt =>
    attempt.number === number && isNewsOf(attempt, message)
      ? { ...attempt, status: { ...attempt.status, message } }
      : attempt;
  const current = task.attempt && note(task.attempt);
  const pastAttempts = task.pastAttempts.map(note);
  const isSame =
    current === task.attempt &&
    pastAttempts.every((attempt, index) => attempt === task.pastAttempts[index]);
  if (isSame) return [];
  const next = { ...task, pastAttempts, updateTime: toTimestamp(now) };
  return [write({ ...next, ...(current && { attempt: current }) }, task.state, message)];
}

type WithStatus = Attempt & { status: AttemptStatus };

const isNewsOf = (attempt: Attempt, message: string): attempt is WithStatus =>
  attempt.status?.state === TaskState.LOST && attempt.status.message !== message;
