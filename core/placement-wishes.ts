import { type Attempt, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { endedByItself, endMs, ranStably, wasRefused } from "./attempt-history.ts";
import { NO_WISHES, type Wishes } from "./placement/wishes.ts";

/** So many early failures in a row on one worker, and another one is tried if there is one. */
const FAILURES_IN_A_ROW = 2;

/** A worker that refused a task is asked again after so long: its policy may have changed. */
const REFUSAL_MS = 60_000;

/**
 * What a task's past says of workers: it goes back to the worker it ran on, where image and data
 * are, unless it was lost or sent away from there; it keeps clear of workers where it keeps
 * failing, and of those that have just refused it.
 */
export function wishesOf(task: Task, now: number): Wishes {
  const { pastAttempts } = task;
  if (pastAttempts.length === 0) return NO_WISHES;
  const avoid = new Set(workersOf(pastAttempts).filter((id) => keepsFailing(pastAttempts, id)));
  const exclude = new Set(refusals(pastAttempts, now).map(workerOf));
  const home = homeOf(pastAttempts);
  const prefer = home === "" || avoid.has(home) || exclude.has(home) ? undefined : home;
  return { prefer, avoid, exclude };
}

/**
 * As `wishesOf`, for an attempt that is to take over from one that runs: anywhere but there, and
 * rather not where one failed to take over before. No worker is preferred.
 */
export function moveWishes(task: Task, now: number): Wishes {
  const { avoid, exclude } = wishesOf(task, now);
  const number = task.attempt?.number ?? 0;
  const failed = task.pastAttempts.filter((past) => past.number > number).map(workerOf);
  const current = task.attempt ? [workerOf(task.attempt)] : [];
  return { avoid: new Set([...avoid, ...failed]), exclude: new Set([...current, ...exclude]) };
}

/** When the first of the workers that refused the task may be asked again. Infinity: none did. */
export const refusalEndMs = (task: Task, now: number): number =>
  refusals(task.pastAttempts, now).reduce(
    (soonest, attempt) => Math.min(soonest, endMs(attempt) + REFUSAL_MS),
    Number.POSITIVE_INFINITY,
  );

/** The words of the latest refusal that still counts: "worker w1: may not use the host network". */
export function refusalText(task: Task, now: number): string {
  const [latest] = refusals(task.pastAttempts, now);
  return latest ? `worker ${workerOf(latest)}: ${latest.status?.failure?.message ?? ""}` : "";
}

const refusals = (attempts: readonly Attempt[], now: number): readonly Attempt[] =>
  attempts.filter((attempt) => wasRefused(attempt) && endMs(attempt) + REFUSAL_MS > now);

const workerOf = ({ placement }: Attempt): string => placement?.workerId ?? "";

const workersOf = (attempts: readonly Attempt[]): readonly string[] => [
  ...new Set(attempts.map(workerOf)),
];

function keepsFailing(attempts: readonly Attempt[], workerId: string): boolean {
  const latest = attempts
    .filter((attempt) => workerOf(attempt) === workerId && endedByItself(attempt))
    .slice(0, FAILURES_IN_A_ROW);
  return latest.length === FAILURES_IN_A_ROW && latest.every(failedEarly);
}

const failedEarly = (attempt: Attempt): boolean =>
  attempt.status?.state === TaskState.FAILED && !ranStably(attempt);

/** The worker that the task ran on last. Empty when it has no reason to go back there. */
function homeOf(attempts: readonly Attempt[]): string {
  const last = attempts.find((attempt) => !wasRefused(attempt));
  if (!last || last.status?.state === TaskState.LOST || last.leaveReason !== "") return "";
  return workerOf(last);
}
