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
import { asWished, isNews, reasonOf } from "./attempt-news.ts";
import { findAttempt, isWanted, type KnownAttempt, lingering } from "./live-attempts.ts";
import { afterEndOfMove, observePast, observeSuccessor } from "./move.ts";
import { reasonName } from "./outcomes.ts";
import { decideRestart, type RestartDecision, restartTimesAfter } from "./restart.ts";
import {
  currentAttempt,
  move,
  nextAttempt,
  remove,
  type TaskChange,
  write,
} from "./task-change.ts";
import { isTerminal, stateName } from "./task-state.ts";
import { toTimestamp } from "./time.ts";

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
  const known = findAttempt(task, observation.attempt);
  switch (known?.role) {
    case "current":
      return observeCurrent(task, known, observation);
    case "successor":
      return observeSuccessor(task, observation);
    case "past":
      return observePast(task, observation);
    case undefined:
      return [];
  }
}

function observeCurrent(task: Task, known: KnownAttempt, observation: Observation): TaskChange[] {
  const { now } = observation;
  const status = asWished(task, known, observation.status);
  if (!isNews(known, status)) return [];

  const seen = { ...task, attempt: { ...known.attempt, status } };
  const next: Task =
    status.state === task.state
      ? { ...seen, updateTime: toTimestamp(now) }
      : move(seen, status.state, now);
  if (!isTerminal(next.state)) return [write(next, task.state, reasonOf(status))];
  const moved = afterEndOfMove(next, now);
  if (moved) return [write(next, task.state, reasonOf(status)), ...moved];
  const decision = decideRestart(next, observation);
  const isGivenUp = decision.kind === "rested" && decision.reason !== "";
  const reason = isGivenUp ? `${reasonOf(status)}; ${decision.reason}` : reasonOf(status);
  return [write(next, task.state, reason), ...afterEnd(next, observation, decision)];
}

/** What follows the end of the current attempt while the task is wanted, or its removal. */
function afterEnd(task: Task, { now }: Observation, decision: RestartDecision): TaskChange[] {
  if (task.desiredState === DesiredState.REMOVE)
    return lingering(task).length === 0 ? [remove(task, "removed")] : [];
  if (decision.kind === "rested") return [];
  const isCounted = decision.kind === "restarted";
  const counted: Task = isCounted ? countRestart(task, now) : task;
  const waitingReason = isCounted
    ? `restarts after attempt ${endText(task)}`
    : `tries another worker after attempt ${endText(task)}`;
  const next = nextAttempt(counted, { waitingReason, retryMs: now + decision.delayMs, now });
  return [write(next, task.state, `${waitingReason}, in ${decision.delayMs} ms`)];
}

const countRestart = (task: Task, now: number): Task => ({
  ...task,
  restartCount: task.restartCount + 1,
  restartTimes: restartTimesAfter(task, now).map(toTimestamp),
});

/** "2 (worker lost)" */
function endText(task: Task): string {
  const { number, status } = currentAttempt(task);
  const reason = status?.failure?.reason;
  return `${number} (${reason === undefined ? stateName(task.state) : reasonName(reason)})`;
}

/** The report that a worker would send which holds no trace of an attempt it should have. */
export function vanished(task: Task, number: number, now: number): AttemptStatus {
  const known = findAttempt(task, number);
  const status = known?.attempt.status ?? create(AttemptStatusSchema);
  const time = { observeTime: toTimestamp(now), finishTime: toTimestamp(now), ready: false };
  if (!known || !isWanted(task, known))
    return { ...status, ...time, state: TaskState.STOPPED, message: "the worker holds no trace" };
  const failure = create(FailureSchema, {
    reason: FailureReason.REMOVED_EXTERNALLY,
    message: "the worker no longer holds the container",
  });
  return { ...status, ...time, state: TaskState.FAILED, failure };
}
