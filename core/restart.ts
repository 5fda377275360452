import {
  DesiredState,
  RestartMode,
  type RestartPolicy,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import {
  endedByItself,
  neverRan,
  ranStably,
  wasRefused,
  wasUnplaceable,
} from "./attempt-history.ts";
import { RESTART_TIMES_MAX } from "./limits.ts";
import { currentAttempt } from "./task-change.ts";
import { toMillis } from "./time.ts";

/** What follows the end of a task's attempt. */
export type RestartDecision =
  /** The next attempt counts as a restart. */
  | Readonly<{ kind: "restarted"; delayMs: number }>
  /** The attempt never ran: the next one is due whatever the policy says, and counts as nothing. */
  | Readonly<{ kind: "retried"; delayMs: number }>
  /** None. `reason` is empty where nobody wants more, else says what is used up. */
  | Readonly<{ kind: "rested"; reason: string }>;

/** As the contract says of `RestartPolicy.backoff_first`. */
const BACKOFF_MS_FIRST = 1_000;

/** As the contract says of `RestartPolicy.backoff_max`. */
const BACKOFF_MS_MAX = 30_000;

/** A row longer than this has reached any cap: an hour is less than 2^42 times a millisecond. */
const DOUBLINGS_MAX = 42;

/** This many workers in a row may refuse a task before the next one is asked only after a pause. */
const REFUSALS_AT_ONCE = 5;

const REFUSAL_PAUSE_MS = 30_000;

/**
 * Whether a task whose attempt has just ended is tried again, and when: at once the first time,
 * then after an exponentially growing delay. `jitter` in [0, 1) spreads the delay over its upper
 * half. All it looks at is in the ledger, so that a restart of the manager forgets nothing.
 */
export function decideRestart(
  task: Task,
  { now, jitter }: Readonly<{ now: number; jitter: number }>,
): RestartDecision {
  if (task.desiredState !== DesiredState.RUN) return { kind: "rested", reason: "" };
  if (wasUnplaceable(currentAttempt(task))) return { kind: "rested", reason: "" };
  if (neverRan(currentAttempt(task))) return { kind: "retried", delayMs: retryDelayMs(task) };
  const policy = task.spec?.restartPolicy;
  if (!restartsAfter(policy?.mode, task.state)) return { kind: "rested", reason: "" };
  const reason = policy ? budgetUsedUp(task, policy, now) : "";
  if (reason !== "") return { kind: "rested", reason };
  return { kind: "restarted", delayMs: restartDelayMs(policy, failuresInARow(task), jitter) };
}

/** Whether a policy wants another try after an attempt that ended in a state. */
export function restartsAfter(mode: RestartMode | undefined, state: TaskState): boolean {
  switch (mode) {
    case RestartMode.ALWAYS:
    case RestartMode.UNLESS_STOPPED:
      return true;
    case RestartMode.ON_FAILURE:
      return state !== TaskState.COMPLETED;
    default:
      return false;
  }
}

/** Says how the restarts are used up. Empty while there is one left. */
function budgetUsedUp(task: Task, { restartsMax, window }: RestartPolicy, now: number): string {
  if (restartsMax === undefined) return "";
  const used = window ? restartsWithin(task, toMillis(window), now) : task.restartCount;
  if (used < restartsMax) return "";
  const span = window ? ` in ${toMillis(window) / 1000} s` : "";
  return `not restarted again: ${used} of ${restartsMax} restarts used${span}`;
}

const restartsWithin = ({ restartTimes }: Task, windowMs: number, now: number): number =>
  restartTimes.filter((time) => toMillis(time) > now - windowMs).length;

/**
 * How many attempts in a row ended early, the one that has just ended included. A task remembers
 * only a few: where all of them ended early, so, it is taken, did those before.
 */
function failuresInARow(task: Task): number {
  const attempts = [currentAttempt(task), ...task.pastAttempts].filter(endedByItself);
  const stable = attempts.findIndex(ranStably);
  return stable === -1 ? Math.max(attempts.length, task.restartCount + 1) : stable;
}

/** How long a restart waits after so many failures in a row. */
export const restartDelayMs = (
  policy: RestartPolicy | undefined,
  failures: number,
  jitter: number,
): number => Math.round(backoffMs(policy, failures) * (0.5 + jitter / 2));

function backoffMs(policy: RestartPolicy | undefined, failures: number): number {
  if (failures <= 1) return 0;
  const doublings = Math.min(failures - 2, DOUBLINGS_MAX);
  return Math.min(backoffCapMs(policy), backoffFirstMs(policy) * 2 ** doublings);
}

const backoffFirstMs = (policy: RestartPolicy | undefined): number =>
  policy?.backoffFirst ? toMillis(policy.backoffFirst) : BACKOFF_MS_FIRST;

const backoffCapMs = (policy: RestartPolicy | undefined): number =>
  policy?.backoffMax
    ? toMillis(policy.backoffMax)
    : Math.max(backoffFirstMs(policy), BACKOFF_MS_MAX);

/**
 * When a pending task may be placed, in milliseconds since the Unix epoch. A time further ahead
 * than any delay reaches was set by a clock that has been set back since: it is not waited for.
 */
export function retryMs({ spec, retryTime }: Task, now: number): number {
  const dueMs = retryTime ? toMillis(retryTime) : 0;
  const longestMs = Math.max(backoffCapMs(spec?.restartPolicy), REFUSAL_PAUSE_MS);
  return dueMs - now > longestMs ? now : dueMs;
}

/** A lost worker says nothing against the next one; many that refuse say something of the task. */
function retryDelayMs(task: Task): number {
  const attempts = [currentAttempt(task), ...task.pastAttempts];
  const other = attempts.findIndex((attempt) => !wasRefused(attempt));
  const refusals = other === -1 ? attempts.length : other;
  return refusals > REFUSALS_AT_ONCE ? REFUSAL_PAUSE_MS : 0;
}

/** The times of restarts that a task must remember once another happens `now`, latest first. */
export function restartTimesAfter(task: Task, now: number): readonly number[] {
  const window = task.spec?.restartPolicy?.window;
  if (!window) return [];
  const times = [now, ...task.restartTimes.map(toMillis)];
  return times.filter((time) => time > now - toMillis(window)).slice(0, RESTART_TIMES_MAX);
}
