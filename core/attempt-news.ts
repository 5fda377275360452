import {
  type AttemptStatus,
  DesiredState,
  FailureReason,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import type { KnownAttempt } from "./live-attempts.ts";
import { reasonName } from "./outcomes.ts";
import { canMove, isTerminal, stateName } from "./task-state.ts";
import { asJudged, isVitalNews } from "./vitals.ts";

/**
 * A container that ended by itself while it was to stop has stopped, with whatever exit code: its
 * worker may not know of the wish, having been restarted in between. So has one that its worker was
 * ending as unhealthy when the wish came.
 */
export function asWished(task: Task, known: KnownAttempt, status: AttemptStatus): AttemptStatus {
  const isKept = task.desiredState === DesiredState.RUN && known.role !== "past";
  if (isKept && known.attempt.leaveReason === "") return asJudged(known.attempt.status, status);
  if (!endedByItself(status) || (isKept && hasCompleted(known, status))) return status;
  const { failure: _, ...kept } = status;
  return { ...kept, state: TaskState.STOPPED };
}

const endedByItself = ({ state, failure }: AttemptStatus): boolean =>
  state === TaskState.COMPLETED ||
  (state === TaskState.FAILED &&
    (failure?.reason === FailureReason.EXITED || failure?.reason === FailureReason.UNHEALTHY));

/** Before it was asked to stop, so that there is nothing left to do elsewhere. */
const hasCompleted = (known: KnownAttempt, { state }: AttemptStatus): boolean =>
  state === TaskState.COMPLETED && known.state < TaskState.STOPPING;

/** A later state is news; so is another message, container or health in the same, unended state. */
export function isNews({ state, attempt }: KnownAttempt, status: AttemptStatus): boolean {
  // Up to SCHEDULED a state is the manager's own: no worker can tell it of one.
  if (isTerminal(state) || status.state <= TaskState.SCHEDULED) return false;
  if (status.state > state) return canMove(state, status.state);
  const known = attempt.status;
  return (
    status.state === state &&
    (known?.message !== status.message ||
      known.containerId !== status.containerId ||
      isVitalNews(known, status))
  );
}

/** An event's reason for a report, for people. */
export function reasonOf(status: AttemptStatus): string {
  const { failure } = status;
  if (failure) return `${reasonName(failure.reason)}: ${failure.message}`;
  return status.message || stateName(status.state);
}
