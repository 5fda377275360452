import { type ExitCode, exitCodes } from "./exit-codes.ts";

type Options = Readonly<{
  exitCode?: ExitCode;
  /** What the user can do about it, a line each. */
  remedies?: readonly string[];
  cause?: unknown;
}>;

/** Ends a verb with a message for its user. Thrown by verbs, printed by `runProgram` alone. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: ExitCode;
  readonly remedies: readonly string[];

  constructor(message: string, options: Options = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? exitCodes.error;
    this.remedies = options.remedies ?? [];
  }
}

/** What the user typed or set is not as it must be: a problem a line. */
export const usageError = (problems: readonly string[], remedies: readonly string[] = []) =>
  new CommandError(problems.join("\n"), { exitCode: exitCodes.usage, remedies });
