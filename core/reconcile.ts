import { DesiredState, Health, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import type { AttemptReport } from "../gen/berth/v1/worker_service_pb.ts";
import {
  attemptsOf,
  findAttempt,
  isLive,
  isWanted,
  type KnownAttempt,
  liveOn,
} from "./live-attempts.ts";
import { isTerminal } from "./task-state.ts";
import { isCondemned, isCondemnedByManager } from "./vitals.ts";

/** Something a worker must be told about an attempt. Safe to tell twice. */
export type Push = Readonly<{ kind: "start" | "stop" | "forget"; taskId: string; attempt: number }>;

/** One step that brings ledger and worker together. */
export type Action =
  | Push
  /** The worker knows something the ledger may not. */
  | Readonly<{ kind: "observe"; report: AttemptReport }>
  /** The worker should hold this attempt and does not. */
  | Readonly<{ kind: "vanish"; taskId: string; attempt: number }>;

export type Lookup = (taskId: string) => Task | undefined;

/** How many attempts before the current one keep their container, so that its logs can be read. */
const ATTEMPTS_KEPT = 1;

/** What the worker of an attempt must be told now, judging by the ledger alone. */
function pushFor(task: Task, known: KnownAttempt): Push | undefined {
  if (!isLive(known)) return undefined;
  const { number: attempt, state } = known;
  // A successor that is not wanted is not stopped: what is not to take over is a past attempt.
  const mustEnd = isWanted(task, known)
    ? isCondemnedByManager(task, known)
    : known.role !== "successor";
  if (mustEnd)
    return state === TaskState.STOPPING ? undefined : { kind: "stop", taskId: task.id, attempt };
  return state === TaskState.SCHEDULED && isWanted(task, known)
    ? { kind: "start", taskId: task.id, attempt }
    : undefined;
}

/** A push and the worker it is for. */
export type Delivery = Readonly<{ workerId: string; push: Push }>;

/** What workers must be told after a change of a task has become durable. */
export function deliveriesAfter(task: Task, removed: boolean): readonly Delivery[] {
  const attempts = attemptsOf(task);
  const isOver = isTerminal(task.state) && task.desiredState !== DesiredState.RUN;
  if (removed || isOver) return attempts.flatMap((known) => endOf(task, known));
  // A new attempt is due, here or on another worker: of those before, few are kept.
  const hasNewSuccessor = task.successor !== undefined && task.successor.status === undefined;
  const isNext = task.state === TaskState.PENDING || hasNewSuccessor;
  const isDone = (known: KnownAttempt) => isNext && !isLive(known) && isForgotten(task, known);
  return attempts.flatMap((known) => {
    if (known.role === "past" && isDone(known)) return endOf(task, known);
    const push = pushFor(task, known);
    return push ? [{ workerId: known.workerId, push }] : [];
  });
}

/**
 * What ends an attempt for good: its container goes. One that was lost may still run; it is
 * forgotten once its worker has said that it does not.
 */
function endOf(task: Task, known: KnownAttempt): readonly Delivery[] {
  const { workerId, number: attempt, state } = known;
  const kind = isLive(known) || state === TaskState.LOST ? "stop" : "forget";
  return workerId === "" ? [] : [{ workerId, push: { kind, taskId: task.id, attempt } }];
}

/** What follows from one report of a worker. */
export function reconcileReport(workerId: string, report: AttemptReport, lookup: Lookup): Action[] {
  const { taskId, attempt } = report;
  const { state = TaskState.UNSPECIFIED, health = Health.UNSPECIFIED } = report.status ?? {};
  const task = lookup(taskId);
  const known = task && findAttempt(task, attempt);
  if (!task || known?.workerId !== workerId) {
    const kind = isTerminal(state) ? "forget" : "stop";
    return [{ kind, taskId, attempt }];
  }
  const kind = answerTo({ state, health }, task, known);
  return [{ kind: "observe", report }, ...(kind ? [{ kind, taskId, attempt }] : [])];
}

type Seen = Readonly<{ state: TaskState; health: Health }>;

/** What a worker must be told that reports an attempt of its own in a state. */
function answerTo(seen: Seen, task: Task, known: KnownAttempt): Push["kind"] | undefined {
  const { state, health } = seen;
  // The forget that followed the end may have been lost.
  if (isTerminal(state)) return isForgotten(task, known) ? "forget" : undefined;
  // A worker that restarted while it ended an unhealthy attempt does not know of it any more.
  const isUnaware = isCondemned(known) && health !== Health.UNHEALTHY;
  if (!isWanted(task, known) || isUnaware) return state < TaskState.STOPPING ? "stop" : undefined;
  // A worker that restarted before the start waits to be asked again.
  return state === TaskState.STARTING ? "start" : undefined;
}

/**
 * Compares all that a worker holds with all that it should hold.
 *
 * Pure: same input, same actions, in the same order. Once they have taken effect,
 * comparing again yields only observations that change nothing.
 */
export function reconcileSnapshot(
  workerId: string,
  reports: readonly AttemptReport[],
  ledger: Readonly<{ lookup: Lookup; tasksOn: Iterable<Task> }>,
): Action[] {
  const held = new Set(reports.map(({ taskId, attempt }) => `${taskId}/${attempt}`));
  const absent = [...ledger.tasksOn].flatMap((task) =>
    liveOn(task, workerId)
      .filter(({ number }) => !held.has(`${task.id}/${number}`))
      .map((known) => reconcileAbsent(task, known)),
  );
  return [
    ...reports.flatMap((report) => reconcileReport(workerId, report, ledger.lookup)),
    ...absent,
  ];
}

/** A worker keeps the container of what ran. One that restarted before it made one has no trace. */
function reconcileAbsent(task: Task, known: KnownAttempt): Action {
  const neverRan = known.state <= TaskState.STARTING && isWanted(task, known);
  return { kind: neverRan ? "start" : "vanish", taskId: task.id, attempt: known.number };
}

/**
 * Whether nobody needs the container of an attempt once it has ended. The latest that ended by
 * itself is kept, so that its logs can be read; one that was sent away is not.
 */
function isForgotten(task: Task, { role, number, attempt }: KnownAttempt): boolean {
  if (task.desiredState !== DesiredState.RUN) return role !== "current" || isTerminal(task.state);
  if (role !== "past") return false;
  const kept = task.pastAttempts.slice(0, ATTEMPTS_KEPT);
  return attempt.leaveReason !== "" || !kept.some((past) => past.number === number);
}
