import { Code } from "@connectrpc/connect";

/**
 * How a process ends, for scripts. 64, 69, 75 and 77 are those of sysexits.h;
 * 130 is a shell's own for Ctrl-C.
 */
export const exitCodes = {
  ok: 0,
  error: 1,
  /** Under --wait: the task was not placed in time, or ended badly. Of a plan: not all has a place. Of doctor: a problem. */
  badEnd: 2,
  usage: 64,
  unreachable: 69,
  storeFailed: 75,
  denied: 77,
  interrupted: 130,
} as const;

/** One of `exitCodes`, or what a container ended with that was attached to, or a process of `exec`. */
export type ExitCode = number;

/** The exit code of a call that a service answered with an error. */
export function exitCodeOf(code: Code): ExitCode {
  switch (code) {
    case Code.InvalidArgument:
      return exitCodes.usage;
    case Code.Unavailable:
    case Code.DeadlineExceeded:
      return exitCodes.unreachable;
    case Code.PermissionDenied:
    case Code.Unauthenticated:
      return exitCodes.denied;
    default:
      return exitCodes.error;
  }
}

/** Ends every verb's --help. */
export const exitCodeHelp = `Exit codes:
  0    done
  1    error
  2    with --wait: not placed in time, or ended badly; plan: not all has a place;
       doctor: there is a problem
  64   wrong usage: a flag, a setting or a field of the task is not as it must be
  69   the manager cannot be reached or does not answer
  75   the store failed
  77   permission denied
  130  interrupted by Ctrl-C
  run --attach and attach end with the exit code of the container, exec with that of the
  process: 126 and 127 mean that it could not be run.`;
