import { toMillis } from "../core/time.ts";
import { FailureReason, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { behaviourOfImage } from "../services/worker/fake-runtime-behaviour.ts";
import { isRestarted } from "./restart-laws.ts";
import { nameOf } from "./task-states.ts";
import type { World } from "./world.ts";

/** Whether a task ended as its image's script and its policy have it. */
export function auditEnd(task: Task): string[] {
  if (isUnscripted(task)) return [];
  const { name = "", image = "" } = task.spec ?? {};
  const message = task.attempt?.status?.failure?.message;
  const what = `${name} of ${image} ended ${nameOf(task.state)}: ${message}`;
  return [...whatIsOddIn(task), ...whatIsShortIn(task)].map((odd) => `${what}${odd}`);
}

/** Whether a task found no place or was cut off, by whosever account: no script tells of that. */
function isUnscripted({ state, spec, attempt }: Task): boolean {
  const reason = attempt?.status?.failure?.reason;
  if (reason === FailureReason.UNPLACEABLE && spec?.placementTimeout) return true;
  return state === TaskState.LOST || reason === FailureReason.DISCONNECTED;
}

function whatIsOddIn(task: Task): string[] {
  const script = behaviourOfImage(task.spec?.image ?? "");
  const exitCode = task.attempt?.status?.exitCode;
  const isCompleted = task.state === TaskState.COMPLETED;
  if (script.exitAfterMs === undefined) {
    const mayFail = isDoomed(task) || isSlowToCome(task);
    return [...(mayFail ? [] : [", which it never does"]), ...(isCompleted ? [""] : [])];
  }
  const found = isCompleted === (script.exitCode === 0) ? [] : [""];
  return exitCode === script.exitCode ? found : [...found, `, with exit code ${exitCode}`];
}

/** Who is to be restarted ends only once no restart is left. */
function whatIsShortIn({ spec, state, restartCount }: Task): string[] {
  const { mode, window, restartsMax } = spec?.restartPolicy ?? {};
  if (!isRestarted(mode, state) || window || restartCount === restartsMax) return [];
  return [` after ${restartCount} restarts of ${restartsMax}`];
}

/** Whether a task can only fail, and not by an exit of its own. */
export function isDoomed({ spec }: Task): boolean {
  const script = behaviourOfImage(spec?.image ?? "");
  const isSick = spec?.livenessProbe && (script.isDeaf || script.unhealthyAfterMs < 1e9);
  const isOut = script.image === "missing" || script.image === "unreachable";
  return Boolean(isOut || script.startFailure || isSick);
}

/** Whether its image takes longer than its pull may: on a worker that freezes it may still come. */
const isSlowToCome = ({ spec }: Task): boolean =>
  spec?.pullTimeout !== undefined &&
  toMillis(spec.pullTimeout) < behaviourOfImage(spec.image).pullMs;

/** Whether somebody else had a hand in how a task ended. */
export function isExcused({ spec, attempt, pastAttempts }: Task, world: World): boolean {
  if (world.tampered.has(spec?.name ?? "")) return true;
  const attempts = attempt ? [attempt, ...pastAttempts] : [];
  return attempts.some(({ status, placement }) => {
    const workerId = placement?.workerId ?? "";
    // The probes of fake containers go by the calendar.
    const isMisjudged = status?.failure?.reason === FailureReason.UNHEALTHY;
    return world.cloned.has(workerId) || (isMisjudged && world.misdated.has(workerId));
  });
}
