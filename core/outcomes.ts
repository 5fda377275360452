import { type Failure, FailureReason, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { attemptsOf, type KnownAttempt } from "./live-attempts.ts";
import { isTerminal, stateName } from "./task-state.ts";

/** What came of an attempt, in one line for people. */
export type AttemptOutcome = Readonly<{ attempt: number; explanation: string }>;

/** What came of each attempt that was placed or has ended, latest first. */
export const outcomesOf = (task: Task): readonly AttemptOutcome[] =>
  attemptsOf(task)
    .filter(({ workerId, state }) => workerId !== "" || isTerminal(state))
    .toSorted((a, b) => b.number - a.number)
    .map((known) => ({ attempt: known.number, explanation: outcomeText(known) }));

type Status = KnownAttempt["attempt"]["status"];

/** "failed on w1 (exit code 1), start failed: no such command" */
export function outcomeText(known: KnownAttempt): string {
  const { state, attempt } = known;
  const { status, leaveReason } = attempt;
  const left = leaveReason === "" ? "" : `; it was to leave: ${leaveReason}`;
  return `${stateAndPlace(known)}${codeText(status)}${detailText(state, status)}${left}`;
}

/** The exit code, unless the failure tells it. */
function codeText(status: Status): string {
  const text = status?.exitCode === undefined ? "" : `exit code ${status.exitCode}`;
  return text === "" || status?.failure?.message.includes(text) ? "" : ` (${text})`;
}

function stateAndPlace({ role, state, workerId }: KnownAttempt): string {
  const place = workerId === "" ? "before it was placed" : `on ${workerId}`;
  if (state === TaskState.LOST) return `was lost with ${workerId}`;
  if (state === TaskState.STOPPED) return `was stopped ${place}`;
  if (role === "past" && !isTerminal(state)) return `is still being stopped ${place}`;
  return isTerminal(state) ? `${stateName(state)} ${place}` : `is ${stateName(state)} ${place}`;
}

/** Why it failed, or what it is doing. */
function detailText(state: TaskState, status: Status): string {
  const { failure, message = "" } = status ?? {};
  if (failure) return failureText(failure);
  const isUnderWay = state === TaskState.STARTING || state === TaskState.STOPPING;
  return isUnderWay && message !== "" ? `: ${message}` : "";
}

function failureText({ reason, message }: Failure): string {
  if (message === "") return `, ${reasonName(reason)}`;
  // That the process exited, its exit code says.
  const name = reason === FailureReason.EXITED ? "" : `, ${reasonName(reason)}`;
  return `${name}: ${message}`;
}

/** A reason for people: "image not found". */
export const reasonName = (reason: FailureReason): string =>
  (FailureReason[reason] ?? "unknown").toLowerCase().replaceAll("_", " ");
