import { toJson } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { DesiredState, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { STOP_GRACE_DEFAULT_SECONDS } from "./limits.ts";
import { isTerminal } from "./task-state.ts";
import { toMillis, toTimestamp } from "./time.ts";

/** The manager's link to a worker, and since when it is as it is. */
export type LinkSight = Readonly<{ linked: boolean; sinceMs: number }>;

/**
 * A sentence that says what a task waits for; empty when it waits for nothing. Of a pending task
 * only the scheduler can say it, so that its word is kept.
 */
export function waitingFor(task: Task, link?: LinkSight): string {
  if (task.state === TaskState.PENDING) return task.waitingReason;
  const reason = isTerminal(task.state) ? "" : waitingOnWorker(task);
  if (reason === "" || link?.linked !== false) return reason;
  return `${reason}; there is no link to worker ${workerIdOf(task)} since ${formatTime(link.sinceMs)}`;
}

function waitingOnWorker(task: Task): string {
  const workerId = workerIdOf(task);
  if (task.state === TaskState.STOPPING)
    return `waits for the container to stop, grace ${graceMs(task) / 1000} s`;
  const isLeaving = (task.attempt?.leaveReason ?? "") !== "";
  if (task.desiredState !== DesiredState.RUN || isLeaving)
    return `waits for worker ${workerId} to stop it`;
  if (task.state === TaskState.SCHEDULED) return `waits for worker ${workerId} to accept it`;
  if (task.state !== TaskState.STARTING) return "";
  return task.attempt?.status?.message || `waits for worker ${workerId} to start it`;
}

/** What a task waits for that should have stopped by now. */
export const overdueStop = (task: Task): string =>
  `waits for worker ${workerIdOf(task)} to confirm that the container is gone: its grace of ` +
  `${graceMs(task) / 1000} s ended at ${formatTime(graceEndMs(task))}`;

/** When the container of a task that is being stopped is killed. */
export const graceEndMs = (task: Task): number => {
  const time = task.attempt?.status?.observeTime;
  return (time ? toMillis(time) : 0) + graceMs(task);
};

function graceMs({ stopGrace, spec }: Task): number {
  const grace = stopGrace ?? spec?.stopGrace;
  return grace ? toMillis(grace) : STOP_GRACE_DEFAULT_SECONDS * 1000;
}

const workerIdOf = ({ attempt }: Task): string => attempt?.placement?.workerId ?? "";

/** As in "2026-01-01T00:00:00Z", to the second. */
const formatTime = (ms: number): string =>
  toJson(TimestampSchema, toTimestamp(Math.floor(ms / 1000) * 1000));
