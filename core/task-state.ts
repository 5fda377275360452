import { TaskState } from "../gen/berth/v1/task_pb.ts";

/** Whether an attempt in this state has ended for good. */
export const isTerminal = (state: TaskState): boolean => state >= TaskState.COMPLETED;

/** Whether an attempt in this state occupies its worker. */
export const isPlaced = (state: TaskState): boolean =>
  state >= TaskState.SCHEDULED && !isTerminal(state);

/** A point in the life of a task: of two the greater is the later one. */
export type Moment = Readonly<{ attempt: number; state: TaskState }>;

export const isLater = (next: Moment, current: Moment): boolean =>
  next.attempt > current.attempt ||
  (next.attempt === current.attempt && next.state > current.state);

const ENDS = [TaskState.COMPLETED, TaskState.STOPPED, TaskState.FAILED, TaskState.LOST] as const;

/**
 * Every move an attempt can make. Reports of one attempt may be merged on the
 * way, so a move may skip states, but it never goes back, and a container that
 * was asked to stop is never read as completed.
 */
const MOVES: ReadonlyMap<TaskState, readonly TaskState[]> = new Map([
  [TaskState.PENDING, [TaskState.SCHEDULED, TaskState.STOPPED, TaskState.FAILED]],
  [
    TaskState.SCHEDULED,
    [TaskState.STARTING, TaskState.RUNNING, TaskState.STOPPING, ...ENDS] as TaskState[],
  ],
  [TaskState.STARTING, [TaskState.RUNNING, TaskState.STOPPING, ...ENDS]],
  [TaskState.RUNNING, [TaskState.STOPPING, ...ENDS]],
  [TaskState.STOPPING, [TaskState.STOPPED, TaskState.FAILED, TaskState.LOST]],
]);

/** Whether an attempt may go from one state to another. */
export const canMove = (from: TaskState, to: TaskState): boolean =>
  MOVES.get(from)?.includes(to) ?? false;

/** A state's name for people: "running". */
export const stateName = (state: TaskState): string =>
  (TaskState[state] ?? "unknown").toLowerCase();
