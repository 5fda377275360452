import { create } from "@bufbuild/protobuf";
import type { Placement } from "../gen/berth/v1/placement_pb.ts";
import {
  type Attempt,
  AttemptSchema,
  type AttemptStatus,
  DesiredState,
  Health,
  RestartMode,
  type Task,
  type TaskSpec,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { assert } from "../lib/assert.ts";
import { asWished, isNews, reasonOf } from "./attempt-news.ts";
import { findAttempt, type KnownAttempt, lingering, nextNumber } from "./live-attempts.ts";
import { remember, withoutSuccessor } from "./past-attempts.ts";
import {
  currentAttempt,
  nextAttempt,
  remove,
  type TaskChange,
  workerOf,
  write,
} from "./task-change.ts";
import { isPlaced, isTerminal, stateName } from "./task-state.ts";
import { toMillis, toTimestamp } from "./time.ts";

/** Why a task cannot be moved now, for people. Undefined when it can. */
export function whyNotMovable(task: Task): string | undefined {
  if (task.desiredState !== DesiredState.RUN) return "is being stopped";
  if (!isPlaced(task.state)) return `is ${stateName(task.state)}`;
  const { successor } = task;
  if (successor) return `moves to ${workerIdOf(successor)}`;
  if (currentAttempt(task).leaveReason !== "" || task.state === TaskState.STOPPING)
    return "stops before it moves";
  const [left] = lingering(task);
  return left && `its attempt ${left.number} is still being stopped on ${left.workerId}`;
}

/**
 * Begins a gentle move: a successor is placed, and starts while the current attempt runs on. What it
 * needs is booked from now on. The task can be moved, and the placement is on another worker.
 */
export function beginMove(
  task: Task,
  { placement, reason, now }: Readonly<{ placement: Placement; reason: string; now: number }>,
): TaskChange {
  const { workerId } = placement;
  const why = whyNotMovable(task);
  assert(why === undefined, `task ${task.id} cannot be moved: ${why}`);
  assert(workerId !== workerOf(task), `task ${task.id} moves to another worker`);
  const successor = create(AttemptSchema, { number: nextNumber(task), placement });
  const change = revise({ ...task, successor }, task.state, `moves to ${workerId}: ${reason}`, now);
  return { ...change, workerId };
}

/**
 * Begins a move that stops first: the current attempt is stopped, and once that is done the next
 * one is placed. It does not count as a restart.
 */
export function leave(task: Task, reason: string, now: number): TaskChange {
  const attempt: Attempt = { ...currentAttempt(task), leaveReason: reason };
  const next = { ...withoutSuccessor(task, reason), attempt };
  return revise(next, task.state, `leaves ${workerOf(task)}: ${reason}`, now);
}

/** Gives a move up: the successor is stopped, the current attempt stays. */
export const withdraw = (task: Task, reason: string, now: number): TaskChange =>
  revise(withoutSuccessor(task, reason), task.state, `does not move: ${reason}`, now);

/** Wait after the first successor that failed; it doubles with each further one. */
const RETRY_MS_FIRST = 2_000;

/**
 * When a task may be moved again of which a successor has failed, in milliseconds since the Unix
 * epoch: some time after that one was placed. 0 where none has.
 */
export function retryMoveMs(task: Task): number {
  const number = task.attempt?.number ?? 0;
  const failed = task.pastAttempts.filter((past) => past.number > number);
  const times = failed.map(({ placement }) =>
    placement?.placeTime ? toMillis(placement.placeTime) : 0,
  );
  return failed.length === 0 ? 0 : Math.max(...times) + RETRY_MS_FIRST * 2 ** (failed.length - 1);
}

/** What was seen of an attempt, and when the manager learned of it. */
type Sight = Readonly<{ attempt: number; status: AttemptStatus; now: number }>;

/** What a report of the successor changes: it takes over as soon as it serves. */
export function observeSuccessor(task: Task, { attempt, status, now }: Sight): TaskChange[] {
  const known = findAttempt(task, attempt);
  const { successor } = task;
  if (known?.role !== "successor" || !successor) return [];
  const wished = asWished(task, known, status);
  if (!isNews(known, wished)) return [];

  const seen: Task = { ...task, successor: { ...successor, status: wished } };
  const words = `attempt ${attempt} on ${known.workerId}: ${reasonOf(wished)}`;
  if (isTerminal(wished.state) || wished.health === Health.UNHEALTHY) {
    const dropped = withoutSuccessor(seen, "unhealthy before it took over");
    return [revise(dropped, task.state, `does not move, ${words}`, now)];
  }
  return serves(task.spec, wished) ? [handOver(seen, now)] : [revise(seen, task.state, words, now)];
}

/** Whether an attempt can be relied upon. Where nobody asks it whether it is ready, running will do. */
function serves(spec: TaskSpec | undefined, { state, ready }: AttemptStatus): boolean {
  const isAsked = spec?.readinessProbe !== undefined || spec?.startupProbe !== undefined;
  return state === TaskState.RUNNING && (ready || !isAsked);
}

/** The successor becomes the attempt that counts. The one before is to stop. */
export function handOver(task: Task, now: number): TaskChange {
  const successor = successorOf(task);
  const workerId = workerIdOf(successor);
  const left: Attempt = { ...currentAttempt(task), leaveReason: `moved to ${workerId}` };
  return promote(task, left, { reason: `moved from ${workerOf(task)} to ${workerId}`, now });
}

/**
 * What follows the end of the current attempt of a task that was on its way elsewhere. Undefined
 * for one that was not: there the restart policy decides. `task` has ended.
 */
export function afterEndOfMove(task: Task, now: number): TaskChange[] | undefined {
  if (task.desiredState !== DesiredState.RUN) return undefined;
  const ended = currentAttempt(task);
  if (task.successor) {
    const reason = `attempt ${ended.number} ended before the move: ${stateName(task.state)}`;
    if (!isDone(task)) return [promote(task, ended, { reason, now })];
    return [revise(withoutSuccessor(task, "the task completed"), task.state, reason, now)];
  }
  if (ended.leaveReason === "" || task.state === TaskState.COMPLETED) return undefined;
  const waitingReason = `placed elsewhere: ${ended.leaveReason}`;
  const next = nextAttempt(task, { waitingReason, retryMs: now, now });
  return [write(next, task.state, waitingReason)];
}

/** Whether an ended task has done what it was to do, so that it is not run again. */
const isDone = ({ state, spec }: Task): boolean =>
  state === TaskState.COMPLETED &&
  spec?.restartPolicy?.mode !== RestartMode.ALWAYS &&
  spec?.restartPolicy?.mode !== RestartMode.UNLESS_STOPPED;

/** What a report of an attempt changes that counts no more: only that it is known when it is gone. */
export function observePast(task: Task, { attempt, status, now }: Sight): TaskChange[] {
  const known = findAttempt(task, attempt);
  if (known?.role !== "past" || known.workerId === "") return [];
  const wished = asWished(task, known, status);
  if (!isNews(known, wished)) return [];
  const next = withPast(task, known, wished);
  const words = `attempt ${attempt} on ${known.workerId}: ${reasonOf(wished)}`;
  const isLast = task.desiredState === DesiredState.REMOVE && isTerminal(task.state);
  const changes = [revise(next, task.state, words, now)];
  return isLast && lingering(next).length === 0 ? [...changes, remove(next, "removed")] : changes;
}

const withPast = (task: Task, { number }: KnownAttempt, status: AttemptStatus): Task => ({
  ...task,
  pastAttempts: task.pastAttempts.map((past) =>
    past.number === number ? { ...past, status } : past,
  ),
});

function promote(
  task: Task,
  before: Attempt,
  { reason, now }: Readonly<{ reason: string; now: number }>,
): TaskChange {
  const attempt = successorOf(task);
  const { successor: _, ...kept } = task;
  const next: Task = {
    ...kept,
    attempt,
    state: attempt.status?.state || TaskState.SCHEDULED,
    pastAttempts: remember(task.pastAttempts, before),
  };
  return revise(next, task.state, `attempt ${attempt.number} takes over: ${reason}`, now);
}

const revise = (task: Task, fromState: TaskState, reason: string, now: number): TaskChange =>
  write({ ...task, updateTime: toTimestamp(now) }, fromState, reason);

const workerIdOf = ({ placement }: Attempt): string => placement?.workerId ?? "";

function successorOf({ id, successor }: Task): Attempt {
  assert(successor, `task ${id} has a successor`);
  return successor;
}
