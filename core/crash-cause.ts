import type { UsageSample } from "../gen/berth/v1/crash_report_pb.ts";
import { type AttemptStatus, FailureReason, TaskState } from "../gen/berth/v1/task_pb.ts";
import { reasonName } from "./outcomes.ts";
import { toMillis } from "./time.ts";
import { formatBytes } from "./validate-text.ts";

type Facts = Readonly<{
  workerId: string;
  /** 0: none. */
  memoryLimitBytes: number;
  /** What it used last before its end. Undefined where nobody saw. */
  lastUsage: UsageSample | undefined;
}>;

/** Why an attempt ended badly, in a sentence of which it is the subject, for people. */
export function causeOf(status: AttemptStatus, facts: Facts): string {
  const { failure, state } = status;
  const words = failure?.message || status.message;
  if (state === TaskState.LOST)
    return sentence(`was lost with its worker ${facts.workerId}, before that could tell`, words);
  if (!failure) return words;
  switch (failure.reason) {
    case FailureReason.EXITED:
      return exitText(status, facts);
    case FailureReason.OOM_KILLED:
      return `was killed by the kernel for want of memory${memoryText(status, facts)}`;
    case FailureReason.UNHEALTHY:
      return sentence("was ended because a probe failed for good", words);
    default:
      return sentence(`failed: ${reasonName(failure.reason)}`, words);
  }
}

const sentence = (text: string, words: string): string =>
  words === "" ? text : `${text}: ${words}`;

function exitText({ exitCode, failure }: AttemptStatus, { memoryLimitBytes }: Facts): string {
  const signal = failure?.signal;
  if (signal === undefined) return `ended by itself with exit code ${exitCode}${hintOf(exitCode)}`;
  if (signal !== SIGKILL) return `was ended by signal ${signal}${nameOf(signal)}`;
  const limit = memoryLimitBytes > 0 ? "not for its own memory limit: " : "";
  return (
    `was killed (signal ${SIGKILL}, SIGKILL), ${limit}` +
    "by somebody, or by the kernel because the machine had no memory left"
  );
}

const SIGKILL = 9;

/** What shells mean by an exit code. */
function hintOf(exitCode: number | undefined): string {
  if (exitCode === 126) return ", which shells use for a command that cannot be run";
  return exitCode === 127 ? ", which shells use for a command that is not there" : "";
}

/** Signals that end processes, as signal(7) has them for x86 and ARM. */
const SIGNALS: Readonly<Record<number, string>> = {
  ...{ 1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT" },
  ...{ 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2" },
  ...{ 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS" },
};

const nameOf = (signal: number): string => (SIGNALS[signal] ? ` (${SIGNALS[signal]})` : "");

/** Its limit, and what was seen of it last: the difference was asked for in that time. */
function memoryText({ finishTime }: AttemptStatus, { memoryLimitBytes, lastUsage }: Facts): string {
  const limit = memoryLimitBytes > 0 ? ` at its limit of ${formatBytes(memoryLimitBytes)}` : "";
  if (!lastUsage?.time || !finishTime) return limit;
  const beforeMs = Math.max(0, toMillis(finishTime) - toMillis(lastUsage.time));
  const before = `${Math.round(beforeMs / 100) / 10} s`;
  return `${limit}; it had ${formatBytes(Number(lastUsage.memoryBytes))} ${before} before`;
}
