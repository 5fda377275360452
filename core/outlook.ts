import { DesiredState, RestartMode, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { endMs, wasUnplaceable } from "./attempt-history.ts";
import { deadlineOf } from "./deadlines.ts";
import { decideRestart, retryMs } from "./restart.ts";
import { currentAttempt } from "./task-change.ts";
import { isTerminal } from "./task-state.ts";

/**
 * Whether another attempt follows and when, or why none does, and when a wait for a place ends; for
 * people. Empty while the current attempt is placed and has not ended: what follows is decided then.
 */
export function outlookOf(task: Task, now: number): string {
  if (isTerminal(task.state)) return `no other attempt follows: ${whyNoOther(task)}`;
  if (task.state !== TaskState.PENDING) return "";
  return [...nextText(task, now), ...giveUpText(task, now)].join("; ");
}

function nextText(task: Task, now: number): readonly string[] {
  if (task.pastAttempts.length === 0) return [];
  const waitMs = retryMs(task, now) - now;
  const when = waitMs > 0 ? `in ${seconds(waitMs)}` : "as soon as a worker can take it";
  return [`attempt ${currentAttempt(task).number} follows ${when}`];
}

function giveUpText(task: Task, now: number): readonly string[] {
  const deadline = deadlineOf(task, undefined);
  if (!deadline) return [];
  return [`it fails unless it is placed within ${seconds(Math.max(0, deadline.dueMs - now))}`];
}

/** Whole seconds, rounded up: what is due in 0 s is due now. */
export const seconds = (ms: number): string => `${Math.ceil(ms / 1000)} s`;

/** Why an ended task stays as it is, from what `decideRestart` went by at its end. */
function whyNoOther(task: Task): string {
  if (task.desiredState === DesiredState.REMOVE) return "it is being removed";
  if (task.desiredState === DesiredState.STOP) return "it was asked to stop";
  const ended = currentAttempt(task);
  if (wasUnplaceable(ended)) return "its placement timeout has passed";
  const mode = task.spec?.restartPolicy?.mode ?? RestartMode.NO;
  if (mode === RestartMode.ON_FAILURE && task.state === TaskState.COMPLETED)
    return "it completed, and its restart policy is on-failure";
  if (mode === RestartMode.NO || mode === RestartMode.UNSPECIFIED)
    return "its restart policy is no";
  const decision = decideRestart(task, { now: endMs(ended), jitter: 0 });
  const reason = decision.kind === "rested" ? decision.reason : "";
  return reason.replace(GIVEN_UP, "") || "its restarts are used up";
}

/** How the reason of a decision begins, which here has been said already. */
const GIVEN_UP = /^not restarted again: /;
