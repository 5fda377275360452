import { type Attempt, FailureReason, TaskState } from "../gen/berth/v1/task_pb.ts";
import { toMillis } from "./time.ts";

/** An attempt that ran this long counts as a success: the next failure is the first in a row. */
export const STABLE_RUN_MS = 60_000;

/** No place was found in time: to try again would be to wait for longer than was allowed. */
export const wasUnplaceable = ({ status }: Attempt): boolean =>
  status?.failure?.reason === FailureReason.UNPLACEABLE;

/** The worker refused it, or did not take it in time. */
export const wasRefused = ({ status }: Attempt): boolean =>
  status?.state === TaskState.FAILED && status.failure?.reason === FailureReason.REFUSED;

/**
 * Whether an ended attempt made no container, as far as anybody was ever told: it was refused, or
 * its worker was lost before it reported one. It is no fault of the task, so it is tried elsewhere
 * whatever the restart policy says, and does not count as a restart.
 */
export const neverRan = (attempt: Attempt): boolean =>
  wasRefused(attempt) ||
  (attempt.status?.state === TaskState.LOST && attempt.status.containerId === "");

/** Whether an attempt ended by itself or was lost. One that was stopped or moved away did not. */
export const endedByItself = (attempt: Attempt): boolean =>
  !neverRan(attempt) && attempt.leaveReason === "" && attempt.status?.state !== TaskState.STOPPED;

export const ranStably = (attempt: Attempt): boolean => runTimeMs(attempt) >= STABLE_RUN_MS;

/** How long an ended attempt's container ran, by the engine's own account where there is one. */
function runTimeMs({ status }: Attempt): number {
  const endTime = status?.finishTime ?? status?.observeTime;
  if (!status?.startTime || !endTime) return 0;
  return toMillis(endTime) - toMillis(status.startTime);
}

/** When an ended attempt ended, in milliseconds since the Unix epoch. 0 when nobody said. */
export function endMs({ status }: Attempt): number {
  const time = status?.finishTime ?? status?.observeTime;
  return time ? toMillis(time) : 0;
}
