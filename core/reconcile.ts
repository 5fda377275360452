import {
  type Attempt,
  DesiredState,
  Health,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import type { AttemptReport } from "../gen/berth/v1/worker_service_pb.ts";
import { currentAttempt, workerOf } from "./task-change.ts";
import { isPlaced, isTerminal } from "./task-state.ts";
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

/** What the worker of a task's current attempt must be told now, judging by the ledger alone. */
export function pushFor(task: Task): Push | undefined {
  if (workerOf(task) === "") return undefined;
  const { id: taskId } = task;
  const { number: attempt } = currentAttempt(task);
  const isWanted = task.desiredState === DesiredState.RUN;
  if (isTerminal(task.state)) return undefined;
  if (!isWanted || isCondemnedByManager(task))
    return task.state === TaskState.STOPPING ? undefined : { kind: "stop", taskId, attempt };
  return task.state === TaskState.SCHEDULED ? { kind: "start", taskId, attempt } : undefined;
}

/** A push and the worker it is for. */
export type Delivery = Readonly<{ workerId: string; push: Push }>;

/** What workers must be told after a change of a task has become durable. */
export function deliveriesAfter(task: Task, removed: boolean): readonly Delivery[] {
  const isOver = isTerminal(task.state) && task.desiredState !== DesiredState.RUN;
  if (removed || isOver) return forgetAll(task, [currentAttempt(task), ...task.pastAttempts]);
  if (task.state === TaskState.PENDING)
    return forgetAll(task, task.pastAttempts.slice(ATTEMPTS_KEPT));
  const push = pushFor(task);
  return push ? [{ workerId: workerOf(task), push }] : [];
}

const forgetAll = (task: Task, attempts: readonly Attempt[]): readonly Delivery[] =>
  attempts.flatMap(({ number, placement }) => {
    const push: Push = { kind: "forget", taskId: task.id, attempt: number };
    return placement ? [{ workerId: placement.workerId, push }] : [];
  });

/** What follows from one report of a worker. */
export function reconcileReport(workerId: string, report: AttemptReport, lookup: Lookup): Action[] {
  const { taskId, attempt } = report;
  const { state = TaskState.UNSPECIFIED, health = Health.UNSPECIFIED } = report.status ?? {};
  const task = lookup(taskId);
  if (task && task.attempt?.number === attempt && workerOf(task) === workerId) {
    const kind = answerTo({ state, health }, task);
    return [{ kind: "observe", report }, ...(kind ? [{ kind, taskId, attempt }] : [])];
  }
  if (!isTerminal(state)) return [{ kind: "stop", taskId, attempt }];
  return keepsContainer(task, attempt) ? [] : [{ kind: "forget", taskId, attempt }];
}

type Seen = Readonly<{ state: TaskState; health: Health }>;

/** What a worker must be told that reports its task's current attempt in a state. */
function answerTo({ state, health }: Seen, task: Task): Push["kind"] | undefined {
  const isWanted = task.desiredState === DesiredState.RUN;
  // The forget that followed the end may have been lost.
  if (isTerminal(state)) return !isWanted && isTerminal(task.state) ? "forget" : undefined;
  // A worker that restarted while it ended an unhealthy attempt does not know of it any more.
  const isForgotten = isCondemned(task) && health !== Health.UNHEALTHY;
  if (!isWanted || isTerminal(task.state) || isForgotten)
    return state < TaskState.STOPPING ? "stop" : undefined;
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
  const absent = [...ledger.tasksOn].filter(
    (task) => isPlaced(task.state) && !held.has(`${task.id}/${task.attempt?.number}`),
  );
  return [
    ...reports.flatMap((report) => reconcileReport(workerId, report, ledger.lookup)),
    ...absent.map(reconcileAbsent),
  ];
}

/** A worker keeps the container of what ran. One that restarted before it made one has no trace. */
function reconcileAbsent(task: Task): Action {
  const neverRan = task.state <= TaskState.STARTING && task.desiredState === DesiredState.RUN;
  const { number: attempt } = currentAttempt(task);
  return { kind: neverRan ? "start" : "vanish", taskId: task.id, attempt };
}

/** Whether an ended attempt's container is still of use: to read its logs. */
function keepsContainer(task: Task | undefined, attempt: number): boolean {
  if (!task || task.desiredState !== DesiredState.RUN) return false;
  return (task.attempt?.number ?? 0) - attempt <= ATTEMPTS_KEPT;
}
