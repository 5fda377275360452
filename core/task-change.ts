import { create } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Placement } from "../gen/berth/v1/placement_pb.ts";
import {
  type Attempt,
  AttemptSchema,
  DesiredState,
  type Task,
  type TaskSpec,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { assert } from "../lib/assert.ts";
import { lingering, nextNumber } from "./live-attempts.ts";
import { remember, withoutSuccessor } from "./past-attempts.ts";
import { canMove, isTerminal } from "./task-state.ts";
import { toTimestamp } from "./time.ts";
import { waitingFor } from "./waiting.ts";

/**
 * A decision about one task, before the ledger gives it a revision and makes it durable.
 * `removed`: the record goes; `task` is what it was last.
 */
export type TaskChange = Readonly<{
  kind: "written" | "removed";
  task: Task;
  /** State before; UNSPECIFIED for the change that made the task. */
  fromState: TaskState;
  reason: string;
  workerId: string;
}>;

/** How a task begins. `spec` is valid and complete with defaults. */
export const submit = (id: string, spec: TaskSpec, now: number): TaskChange =>
  write(begin(id, spec, now), TaskState.UNSPECIFIED, "submitted");

/** Written out: of what is made field by field every later copy takes half as much memory again. */
const begin = (id: string, spec: TaskSpec, now: number): Task => ({
  $typeName: "berth.v1.Task",
  id,
  spec,
  desiredState: DesiredState.RUN,
  state: TaskState.PENDING,
  attempt: { $typeName: "berth.v1.Attempt", number: 1, leaveReason: "" },
  pastAttempts: [],
  restartCount: 0,
  waitingReason: "waits for placement",
  createTime: toTimestamp(now),
  updateTime: toTimestamp(now),
  revision: 0n,
  restartTimes: [],
  traceparent: "",
});

/** The same beginning, of a task that was submitted in a span; empty: in none. */
export const tracedIn = (traceparent: string, begun: TaskChange): TaskChange =>
  traceparent === "" ? begun : { ...begun, task: { ...begun.task, traceparent } };

/** The scheduler's decision: the current attempt goes to a worker. */
export function schedule(task: Task, placement: Placement, now: number): TaskChange {
  const { workerId, scheduler } = placement;
  const attempt: Attempt = { ...currentAttempt(task), placement };
  assertMove(task, TaskState.SCHEDULED);
  const state = TaskState.SCHEDULED;
  const next = { ...task, attempt, state, retryTime: undefined, updateTime: toTimestamp(now) };
  return write(next, task.state, `placed on ${workerId} by ${scheduler}`);
}

/** What a task waits for, if that has changed. */
export function wait(task: Task, waitingReason: string, now: number): readonly TaskChange[] {
  if (task.waitingReason === waitingReason) return [];
  const next = { ...task, waitingReason, updateTime: toTimestamp(now) };
  const reason = waitingReason || "waits no longer";
  return [{ ...write(next, task.state, reason), task: next }];
}

/** A user's wish that the task stop. Empty when it is already known or the task has ended. */
export function requestStop(
  task: Task,
  options: Readonly<{ grace: Duration | undefined; now: number }>,
): readonly TaskChange[] {
  if (task.desiredState >= DesiredState.STOP || isTerminal(task.state)) return [];
  const wished = wish(task, DesiredState.STOP, options);
  if (task.state !== TaskState.PENDING) return [write(wished, task.state, "stop requested")];
  return [write(endUnplaced(wished, options.now), task.state, "stopped before it was placed")];
}

/** A user's wish that the record go: at once if the task has ended, else once it has stopped. */
export function requestRemoval(task: Task, now: number): readonly TaskChange[] {
  const isPending = task.state === TaskState.PENDING;
  const isOver = (isTerminal(task.state) || isPending) && lingering(task).length === 0;
  if (isOver) return [remove(task, "removed")];
  if (task.desiredState === DesiredState.REMOVE) return [];
  const wished = wish(task, DesiredState.REMOVE, { grace: task.stopGrace, now });
  if (isPending) return [write(endUnplaced(wished, now), task.state, "removal requested")];
  return [write(wished, task.state, "removal requested")];
}

/** The current attempt. Every task has one. */
export function currentAttempt({ id, attempt }: Task): Attempt {
  // Asked again and again of every task: nothing is made for what never happens.
  if (attempt === undefined) assert(false, `task ${id} has no attempt`);
  return attempt;
}

/** The worker of the current attempt, or an empty string while there is none. */
export const workerOf = (task: Task): string => task.attempt?.placement?.workerId ?? "";

/** Takes a task to a state of its current attempt. The caller has made sure that the move exists. */
export function move(task: Task, state: TaskState, now: number): Task {
  assertMove(task, state);
  return { ...task, state, updateTime: toTimestamp(now) };
}

function assertMove({ id, state: from }: Task, to: TaskState): void {
  if (!canMove(from, to)) assert(false, `task ${id} cannot go from ${from} to ${to}`);
}

/** A change of a task that says in its new state what it waits for. */
export const write = (task: Task, fromState: TaskState, reason: string): TaskChange => ({
  kind: "written",
  task: waitingAsItDoes(task),
  fromState,
  reason,
  workerId: workerOf(task),
});

function waitingAsItDoes(task: Task): Task {
  const waitingReason = waitingFor(task);
  return waitingReason === task.waitingReason ? task : { ...task, waitingReason };
}

export const remove = (task: Task, reason: string): TaskChange => ({
  kind: "removed",
  task,
  fromState: task.state,
  reason,
  workerId: workerOf(task),
});

/** The next try of a task whose attempt has ended. It counts as a restart only where that is said. */
export function nextAttempt(
  task: Task,
  options: Readonly<{ waitingReason: string; retryMs: number; now: number }>,
): Task {
  const ended = currentAttempt(task);
  return {
    ...task,
    state: TaskState.PENDING,
    attempt: create(AttemptSchema, { number: nextNumber(task) }),
    pastAttempts: remember(task.pastAttempts, ended),
    waitingReason: options.waitingReason,
    retryTime: toTimestamp(options.retryMs),
    updateTime: toTimestamp(options.now),
  };
}

function wish(
  task: Task,
  desiredState: DesiredState,
  { grace, now }: Readonly<{ grace: Duration | undefined; now: number }>,
): Task {
  const stopGrace = grace ?? task.spec?.stopGrace;
  return {
    ...withoutSuccessor(task, "the task is to stop"),
    desiredState,
    updateTime: toTimestamp(now),
    ...(stopGrace && { stopGrace }),
  };
}

function endUnplaced(task: Task, now: number): Task {
  const { retryTime: _, ...kept } = task;
  return move(kept, TaskState.STOPPED, now);
}
