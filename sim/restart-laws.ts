import { toMillis } from "../core/time.ts";
import {
  type Attempt,
  FailureReason,
  RestartMode,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import type { Complain } from "./complain.ts";
import type { Versions } from "./task-laws.ts";

/** Whether a policy has a task restarted whose attempt ended in `state`. */
export const isRestarted = (mode: RestartMode | undefined, state: TaskState | undefined): boolean =>
  mode === RestartMode.ALWAYS ||
  mode === RestartMode.UNLESS_STOPPED ||
  (mode === RestartMode.ON_FAILURE && state !== TaskState.COMPLETED);

/** Who was restarted after `ended` was to be restarted, and had a restart left. */
export function checkRestart(task: Task, ended: Attempt | undefined, complain: Complain): void {
  const { mode, restartsMax, window } = task.spec?.restartPolicy ?? {};
  const name = task.spec?.name;
  const state = ended?.status?.state;
  if (!isRestarted(mode, state))
    complain("restart-policy", `${name} was restarted after ${state && TaskState[state]}`);
  if (restartsMax !== undefined && !window && task.restartCount > restartsMax)
    complain(
      "restart-budget",
      `${name} was restarted ${task.restartCount} times of ${restartsMax}`,
    );
}

/** The clocks of two machines, and what passes between a decision and the disk. */
const WINDOW_SLACK_MS = 2_000;

/** Counts restarts within the policy's window by the world's own time. */
export function createWindowLaw(complain: Complain) {
  const times = new Map<string, readonly number[]>();
  return ({ before, after }: Versions, nowMs: number): void => {
    const { window, restartsMax } = after.spec?.restartPolicy ?? {};
    if (!window || restartsMax === undefined || after.restartCount <= before.restartCount) return;
    const sinceMs = nowMs - toMillis(window) + WINDOW_SLACK_MS;
    const within = [...(times.get(after.id) ?? []), nowMs].filter((time) => time > sinceMs);
    times.set(after.id, within);
    if (within.length > restartsMax)
      complain(
        "restart-budget",
        `${after.spec?.name} was restarted ${within.length} times of ${restartsMax} in its window`,
      );
  };
}

/** Less than half of the first wait, which is the least that chance may make of it. */
const BACKOFF_MS_MIN = 450;

const SHORT_RUN_MS = 50_000;

/** Who fails twice in a row has to wait, and does wait. */
export function checkBackoff(versions: Versions, complain: Complain): void {
  const { before, after } = versions;
  if (before.attempt?.number === after.attempt?.number) checkPatience(versions, complain);
  else if (after.restartCount > before.restartCount) checkWait(after, complain);
}

/** Two failures in a row are followed by a wait. */
function checkWait({ spec, attempt, pastAttempts, retryTime }: Task, complain: Complain): void {
  const [last, first] = pastAttempts;
  if (!last || !first || !failedEarly(last) || !failedEarly(first)) return;
  const nextTime = attempt?.placement?.placeTime ?? retryTime;
  const endTime = last.status?.finishTime ?? last.status?.observeTime;
  if (!nextTime || !endTime) return;
  const waitMs = toMillis(nextTime) - toMillis(endTime);
  if (waitMs >= BACKOFF_MS_MIN) return;
  const name = `${spec?.name}/${attempt?.number}`;
  complain("backoff", `${name} is to start ${waitMs} ms after two failures in a row`);
}

function failedEarly({ status, leaveReason }: Attempt): boolean {
  const { startTime, finishTime, failure } = status ?? {};
  if (failure?.reason === FailureReason.IMAGE_NOT_FOUND) return leaveReason === "";
  if (!startTime || !finishTime || failure?.reason !== FailureReason.EXITED) return false;
  return toMillis(finishTime) - toMillis(startTime) < SHORT_RUN_MS;
}

/** Nobody is placed before the wait is over. */
function checkPatience({ before, after }: Versions, complain: Complain): void {
  const placeTime = after.attempt?.placement?.placeTime;
  if (before.state !== TaskState.PENDING || !before.retryTime || !placeTime) return;
  if (toMillis(placeTime) < toMillis(before.retryTime))
    complain(
      "backoff",
      `${after.spec?.name}/${after.attempt?.number} was placed before its wait was over`,
    );
}
