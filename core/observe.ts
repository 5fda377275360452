import { create } from "@bufbuild/protobuf";
import {
  type AttemptStatus,
  AttemptStatusSchema,
  DesiredState,
  FailureReason,
  FailureSchema,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { decideRestart, type RestartDecision, restartTimesAfter } from "./restart.ts";
import {
  currentAttempt,
  move,
  nextAttempt,
  remove,
  type TaskChange,
  write,
} from "./task-change.ts";
import { canMove, isLater, isTerminal, stateName } from "./task-state.ts";
import { toTimestamp } from "./time.ts";
import { asJudged, isVitalNews } from "./vitals.ts";

/** What was seen of one attempt of a task, and when the manager learned of it. */
export type Observation = Readonly<{
  attempt: number;
  status: AttemptStatus;
  now: number;
  /** In [0, 1): spreads restarts. */
  jitter: number;
}>;

/**
 * What a report changes about a task: its state, then perhaps its next attempt or its removal.
 * Empty when the report is stale, a repetition, or of another attempt.
 */
export function observe(task: Task, observation: Observation): readonly TaskChange[] {
  const { attempt, now } = observation;
  const current = currentAttempt(task);
  if (attempt !== current.number) return [];
  const status = asWished(task, observation.status);
  if (!isNews(task, { attempt, status })) return [];

  const seen = { ...task, attempt: { ...current, status } };
  const next: Task =
    status.state === task.state
      ? { ...seen, updateTime: toTimestamp(now) }
      : move(seen, status.state, now);
  if (!isTerminal(next.state)) return [write(next, task.state, reasonOf(status))];
  const decision = decideRestart(next, observation);
  const isGivenUp = decision.kind === "rested" && decision.reason !== "";
  const reason = isGivenUp ? `${reasonOf(status)}; ${decision.reason}` : reasonOf(status);
  return [write(next, task.state, reason), ...afterEnd(next, observation, decision)];
}

/**
 * A container that ended by itself while a stop was wished has stopped, with whatever exit code:
 * its worker may not know of the wish, having been restarted in between. So has one that its worker
 * was ending as unhealthy when the wish came.
 */
function asWished(task: Task, status: AttemptStatus): AttemptStatus {
  if (task.desiredState === DesiredState.RUN) return asJudged(task.attempt?.status, status);
  if (!endedByItself(status)) return status;
  const { failure: _, ...kept } = status;
  return { ...kept, state: TaskState.STOPPED };
}

const endedByItself = ({ state, failure }: AttemptStatus): boolean =>
  state === TaskState.COMPLETED ||
  (state === TaskState.FAILED &&
    (failure?.reason === FailureReason.EXITED || failure?.reason === FailureReason.UNHEALTHY));

/** A later state is news; so is another message, container or health in the same, unended state. */
function isNews(task: Task, { attempt, status }: Pick<Observation, "attempt" | "status">): boolean {
  // Up to SCHEDULED a state is the manager's own: no worker can tell it of one.
  if (isTerminal(task.state) || status.state <= TaskState.SCHEDULED) return false;
  if (isLater({ attempt, state: status.state }, { attempt, state: task.state }))
    return canMove(task.state, status.state);
  const known = task.attempt?.status;
  return (
    status.state === task.state &&
    (known?.message !== status.message ||
      known.containerId !== status.containerId ||
      isVitalNews(known, status))
  );
}

/** What follows the end of the current attempt while the task is wanted, or its removal. */
function afterEnd(task: Task, { now }: Observation, decision: RestartDecision): TaskChange[] {
  if (task.desiredState === DesiredState.REMOVE) return [remove(task, "removed")];
  if (decision.kind === "rested") return [];
  const isCounted = decision.kind === "restarted";
  const counted: Task = isCounted ? countRestart(task, now) : task;
  const waitingReason = isCounted
    ? `restarts after attempt ${currentAttempt(task).number} ${endName(task)}`
    : `tries another worker after attempt ${currentAttempt(task).number} ${endName(task)}`;
  const next = nextAttempt(counted, { waitingReason, retryMs: now + decision.delayMs, now });
  return [write(next, task.state, `${waitingReason}, in ${decision.delayMs} ms`)];
}

const countRestart = (task: Task, now: number): Task => ({
  ...task,
  restartCount: task.restartCount + 1,
  restartTimes: restartTimesAfter(task, now).map(toTimestamp),
});

const endName = (task: Task) => {
  const reason = task.attempt?.status?.failure?.reason;
  return reason === undefined ? stateName(task.state) : FailureReason[reason];
};

/** An event's reason for a report, for people. */
function reasonOf(status: AttemptStatus): string {
  const { failure } = status;
  if (failure) return `${FailureReason[failure.reason]}: ${failure.message}`;
  return status.message || stateName(status.state);
}

/** The report that a worker would send which holds no trace of an attempt it should have. */
export function vanished(task: Task, now: number): AttemptStatus {
  const known = currentAttempt(task).status ?? create(AttemptStatusSchema);
  const time = { observeTime: toTimestamp(now), finishTime: toTimestamp(now) };
  if (task.desiredState !== DesiredState.RUN)
    return { ...known, ...time, state: TaskState.STOPPED, message: "the worker holds no trace" };
  const failure = create(FailureSchema, {
    reason: FailureReason.REMOVED_EXTERNALLY,
    message: "the worker no longer holds the container",
  });
  return { ...known, ...time, state: TaskState.FAILED, failure };
}
