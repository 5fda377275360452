import { RestartMode, type RestartPolicy, TaskState } from "../gen/berth/v1/task_pb.ts";

/** What is known when an attempt has ended and the task is still wanted. */
export type Ended = Readonly<{
  policy: RestartPolicy | undefined;
  state: TaskState;
  /** Restarts so far. */
  restartCount: number;
  /** Run times of the attempts before, latest first, then of this one last in time: see `streakOf`. */
  runTimesMs: readonly number[];
}>;

export type RestartDecision =
  | Readonly<{ kind: "restarted"; delayMs: number }>
  | Readonly<{ kind: "rested" }>;

/** An attempt that ran this long counts as a success: the next failure restarts at once again. */
const STABLE_RUN_MS = 60_000;

/** Delay before the second restart in a row; it doubles with each further one. */
const DELAY_MS_FIRST = 1_000;

const DELAY_MS_MAX = 30_000;

/**
 * Whether a task whose attempt ended is tried again, and when: at once the first time, then
 * after an exponentially growing delay. `jitter` in [0, 1) spreads the delay over its upper half.
 */
export function decideRestart(ended: Ended, jitter: number): RestartDecision {
  if (!isWanted(ended)) return { kind: "rested" };
  const streak = ended.runTimesMs.findIndex((runTimeMs) => runTimeMs >= STABLE_RUN_MS);
  const failures = streak === -1 ? ended.runTimesMs.length : streak;
  if (failures <= 1) return { kind: "restarted", delayMs: 0 };
  const delayMs = Math.min(DELAY_MS_MAX, DELAY_MS_FIRST * 2 ** (failures - 2));
  return { kind: "restarted", delayMs: Math.round(delayMs * (0.5 + jitter / 2)) };
}

function isWanted({ policy, state, restartCount }: Ended): boolean {
  if (policy?.restartsMax !== undefined && restartCount >= policy.restartsMax) return false;
  switch (policy?.mode) {
    case RestartMode.ALWAYS:
    case RestartMode.UNLESS_STOPPED:
      return true;
    case RestartMode.ON_FAILURE:
      return state !== TaskState.COMPLETED;
    default:
      return false;
  }
}
