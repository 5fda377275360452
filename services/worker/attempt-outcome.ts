import { FailureReason, TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { AttemptFailure, Outcome } from "./attempt.ts";
import type { ContainerExit } from "./runtime.ts";

/**
 * Engines and shells report death by signal n as exit code 128 + n. Linux numbers its signals
 * from 1 to 64 (signal(7)).
 */
const SIGNAL_EXIT_BASE = 128;
const SIGNAL_MAX = 64;

/** How an attempt ended whose container ended without being asked to. */
export function outcomeOfExit(exit: ContainerExit): Outcome {
  if (exit.error !== "") return failed(FailureReason.START_FAILED, exit.error);
  const { exitCode } = exit;
  if (exitCode === 0)
    return {
      state: TaskState.COMPLETED,
      message: "exit code 0",
      exit: exitFacts(exit),
      failure: undefined,
    };
  const reason = exit.oomKilled ? FailureReason.OOM_KILLED : FailureReason.EXITED;
  const message = exit.oomKilled ? `out of memory, ${exitText(exitCode)}` : exitText(exitCode);
  const signal = signalOf(exitCode);
  return {
    state: TaskState.FAILED,
    message,
    exit: exitFacts(exit),
    failure: { reason, message, ...(signal !== undefined && { signal }) },
  };
}

/** What else there is to say of a stop. */
type StopFacts = Readonly<{
  /** Why the worker stopped it unasked. */
  failure?: AttemptFailure | undefined;
  /** What held the stop up. */
  late?: string | undefined;
}>;

/** How an attempt ended that had to stop. The exit code is told, and judged by nobody. */
export function outcomeOfStop(
  exit: ContainerExit | undefined,
  { failure, late }: StopFacts = {},
): Outcome {
  const facts = exit && exitFacts(exit);
  const how = exit ? `stopped, ${exitText(exit.exitCode)}` : "stopped";
  // No stop makes the kernel say so: want of memory came first.
  if (failure && exit?.oomKilled && exit.exitCode !== 0) return outcomeOfExit(exit);
  if (failure)
    return { state: TaskState.FAILED, message: `${failure.message}: ${how}`, exit: facts, failure };
  const lateness = { reason: FailureReason.STOP_TIMEOUT, message: `stopped late: ${late}` };
  return {
    state: TaskState.STOPPED,
    message: how,
    exit: facts,
    failure: late === undefined ? undefined : lateness,
  };
}

/** How an attempt ended for which there is no exit to tell of. */
export const failed = (reason: FailureReason, message: string): Outcome => ({
  state: TaskState.FAILED,
  message,
  exit: undefined,
  failure: { reason, message },
});

const exitFacts = ({ exitCode, startTimeMs, finishTimeMs }: ContainerExit) => ({
  exitCode,
  ...(startTimeMs !== undefined && { startTimeMs }),
  ...(finishTimeMs !== undefined && { finishTimeMs }),
});

function signalOf(exitCode: number): number | undefined {
  const signal = exitCode - SIGNAL_EXIT_BASE;
  return signal > 0 && signal <= SIGNAL_MAX ? signal : undefined;
}

function exitText(exitCode: number): string {
  const signal = signalOf(exitCode);
  return signal === undefined
    ? `exit code ${exitCode}`
    : `exit code ${exitCode} (signal ${signal})`;
}
