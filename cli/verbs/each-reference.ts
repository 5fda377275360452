import { Code, ConnectError } from "@connectrpc/connect";
import { CommandError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodeOf, exitCodes } from "../exit-codes.ts";
import { oneLine } from "../output/format.ts";
import { printError } from "../print-error.ts";
import { remediesOf } from "../remedies.ts";

/**
 * Does something to each thing that the user named. What is refused for one of
 * them is told and does not hold up the others; a manager that is away, and
 * what the user typed wrong, ends it all. The first failure gives the exit code.
 */
export async function eachReference(
  { terminal, interrupted }: Context,
  references: readonly string[],
  act: (reference: string) => Promise<void>,
): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  for (const reference of new Set(references)) {
    interrupted.throwIfAborted();
    try {
      await act(reference);
    } catch (error) {
      const refusal = refusalOf(error, reference);
      if (!refusal || interrupted.aborted) throw error;
      printError(terminal, refusal);
      exitCode ||= refusal.exitCode;
    }
  }
  return exitCode;
}

/** Errors that concern one thing alone. */
const OWN_CODES = [Code.NotFound, Code.FailedPrecondition, Code.Aborted, Code.PermissionDenied];

function refusalOf(error: unknown, reference: string): CommandError | undefined {
  if (error instanceof CommandError) return error;
  if (!(error instanceof ConnectError) || !OWN_CODES.includes(error.code)) return undefined;
  const words = oneLine(error.rawMessage);
  return new CommandError(words.includes(reference) ? words : `${reference}: ${words}`, {
    exitCode: exitCodeOf(error.code),
    // None of these is about where the manager is.
    remedies: remediesOf(error, ""),
    cause: error,
  });
}
