import { type Attempt, DesiredState, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { isPlaced, isTerminal } from "./task-state.ts";

/**
 * What an attempt is to its task. `current`: the try that counts. `successor`: it takes over as
 * soon as it serves. `past`: it counts no more, though its container may still have to stop.
 */
export type AttemptRole = "current" | "successor" | "past";

/** An attempt as its task's record has it. */
export type KnownAttempt = Readonly<{
  role: AttemptRole;
  number: number;
  /** Empty where it was never placed. */
  workerId: string;
  /** PENDING and SCHEDULED are the manager's own, the rest is as its worker reported last. */
  state: TaskState;
  attempt: Attempt;
}>;

/** All attempts that the record of a task still tells of: current, successor, past ones. */
export function attemptsOf(task: Task): readonly KnownAttempt[] {
  const { attempt, successor, pastAttempts, state } = task;
  const found: KnownAttempt[] = [];
  if (attempt) found.push(known("current", attempt, state));
  if (successor) found.push(known("successor", successor, stateOf(successor)));
  for (const past of pastAttempts) found.push(known("past", past, stateOf(past)));
  return found;
}

/** Whether an attempt occupies its worker: placed, and not ended. */
export const isLive = ({ workerId, state }: KnownAttempt): boolean =>
  workerId !== "" && isPlaced(state);

/** The attempts of a task that occupy a worker. */
export const liveOn = (task: Task, workerId: string): readonly KnownAttempt[] =>
  attemptsOf(task).filter((each) => each.workerId === workerId && isLive(each));

/** Past attempts whose containers have yet to stop: what a move left behind. */
export const lingering = (task: Task): readonly KnownAttempt[] =>
  attemptsOf(task).filter((each) => each.role === "past" && isLive(each));

export const findAttempt = (task: Task, number: number): KnownAttempt | undefined =>
  attemptsOf(task).find((each) => each.number === number);

/**
 * Whether the container of an attempt should run. One that is to leave its worker should not, and
 * neither should one that another has taken over from.
 */
export function isWanted(task: Task, { role, attempt }: KnownAttempt): boolean {
  if (task.desiredState !== DesiredState.RUN || isTerminal(task.state)) return false;
  return role !== "past" && attempt.leaveReason === "";
}

/** The number of the next attempt: no number is ever given twice, whatever became of its attempt. */
export const nextNumber = (task: Task): number =>
  1 + Math.max(0, ...attemptsOf(task).map(({ number }) => number));

const known = (role: AttemptRole, attempt: Attempt, state: TaskState): KnownAttempt => ({
  role,
  number: attempt.number,
  workerId: attempt.placement?.workerId ?? "",
  state,
  attempt,
});

/** What is placed is scheduled until its worker has said more. */
const stateOf = ({ status, placement }: Attempt): TaskState =>
  status?.state || (placement ? TaskState.SCHEDULED : TaskState.PENDING);
