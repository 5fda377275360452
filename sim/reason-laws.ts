import {
  type Attempt,
  type AttemptStatus,
  DesiredState,
  FailureReason,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { behaviourOfImage } from "../services/worker/fake-runtime-behaviour.ts";
import type { Complain } from "./complain.ts";
import type { EngineMonitor } from "./engine-monitor.ts";
import type { World } from "./world.ts";

type Deps = Readonly<{ world: World; complain: Complain }>;

/** The reason that is told of an attempt's end is the true one, where nobody had a hand in it. */
export function checkReason(task: Task, attempt: Attempt, { world, complain }: Deps): void {
  const { name = "", image = "" } = task.spec ?? {};
  const { status, number, leaveReason } = attempt;
  if (!status || world.tampered.has(name)) return;
  const { exitCode, failure } = status;
  const what = `${name}/${number}`;
  if (isFailure(status) && failure?.reason === FailureReason.REMOVED_EXTERNALLY)
    complain("true-reasons", `${what} is told to be removed, and nobody has: ${failure.message}`);
  // Who was sent away needs no other reason.
  const isKept = task.desiredState === DesiredState.RUN && leaveReason === "";
  if (isKept && isOwnEnd(status) && !isScripted(image, exitCode))
    complain("true-reasons", `${what} was ended, and is told to have ended by itself: ${exitCode}`);
}

/** The exit code is the engine's own, also of a container that ended while nobody looked. */
export function checkExit(
  name: string,
  { status, placement }: Attempt,
  { engines, complain }: Readonly<{ engines: EngineMonitor; complain: Complain }>,
): void {
  const container = engines.everMade.get(`${placement?.workerId} ${status?.containerId}`);
  if (!container || status?.exitCode === undefined) return;
  const { state } = container;
  if (state.kind !== "exited") {
    complain("true-exits", `${name} is told to have ended, and its container is ${state.kind}`);
    return;
  }
  const { exitCode, oomKilled } = state.exit;
  if (exitCode !== status.exitCode)
    complain(
      "true-exits",
      `${name} ended with ${exitCode}, and is told to have with ${status.exitCode}`,
    );
  const isTold = status.failure?.reason === FailureReason.OOM_KILLED;
  if (oomKilled && status.state === TaskState.FAILED && !isTold)
    complain("true-exits", `${name} ran out of memory, and nobody is told`);
}

const isFailure = ({ state }: AttemptStatus): boolean => state === TaskState.FAILED;

/** Whether an attempt is said to have ended by its program's own doing. */
function isOwnEnd(status: AttemptStatus): boolean {
  const { state, failure, exitCode } = status;
  if (exitCode === undefined) return false;
  const isExit = isFailure(status) && failure?.reason === FailureReason.EXITED;
  return state === TaskState.COMPLETED || isExit;
}

function isScripted(image: string, code: number | undefined): boolean {
  const { exitAfterMs, exitCode } = behaviourOfImage(image);
  return exitAfterMs !== undefined && exitCode === code;
}
