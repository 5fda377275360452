import type { ExecInput, ExecProcess, TerminalSize } from "../gen/berth/v1/exec_pb.ts";
import {
  ARGUMENTS_BYTES_MAX,
  ARGUMENTS_MAX,
  INPUT_BYTES_MAX,
  TERMINAL_SIZE_MAX,
} from "./limits.ts";
import { type FieldViolation, type Violations, violation } from "./validate.ts";
import { byteCount, checkEnv, checkNuls, checkUser, checkWorkingDir } from "./validate-process.ts";
import { formatBytes } from "./validate-text.ts";

/** The rules for a process that is to run in a container beside the container's own. */
export function validateExec(
  field: string,
  process: ExecProcess | undefined,
): readonly FieldViolation[] {
  if (!process) return [violation(field, "is required: say what to run")];
  return [...checkExec(field, process)];
}

function* checkExec(field: string, wanted: ExecProcess): Violations {
  yield* checkCommand(`${field}.command`, wanted.command);
  yield* checkEnv(`${field}.env`, wanted.env);
  yield* checkUser(`${field}.user`, wanted.user);
  yield* checkWorkingDir(`${field}.working_dir`, wanted.workingDir);
  if (!wanted.size) return;
  if (wanted.tty) yield* checkSize(`${field}.size`, wanted.size);
  else yield violation(`${field}.size`, "is set without a terminal: set tty, or leave it out");
}

function* checkCommand(field: string, command: readonly string[]): Violations {
  const bytes = byteCount(command);
  if ((command[0] ?? "") === "") {
    yield violation(field, "is empty: name the program to run, such as sh");
  } else if (command.length > ARGUMENTS_MAX) {
    yield violation(field, `has ${command.length} entries: must be at most ${ARGUMENTS_MAX}`);
  } else if (bytes > ARGUMENTS_BYTES_MAX) {
    const [value, max] = [formatBytes(bytes), formatBytes(ARGUMENTS_BYTES_MAX)];
    yield violation(field, `takes ${value}: must be at most ${max}`);
  } else yield* checkNuls(field, command);
}

function* checkSize(field: string, { rows, columns }: TerminalSize): Violations {
  for (const [name, value] of Object.entries({ rows, columns })) {
    if (value >= 1 && value <= TERMINAL_SIZE_MAX) continue;
    yield violation(`${field}.${name}`, `is ${value}: must be 1 to ${TERMINAL_SIZE_MAX}`);
  }
}

/** The rules for a word to a process that runs. */
export function validateExecInput(
  field: string,
  { word }: ExecInput,
  { tty, stdin }: Readonly<Pick<ExecProcess, "tty" | "stdin">>,
): readonly FieldViolation[] {
  switch (word.case) {
    case "stdin":
      return [...checkBytes(`${field}.stdin`, word.value.length, stdin)];
    case "endOfInput":
      return stdin ? [] : [violation(`${field}.end_of_input`, NO_INPUT)];
    case "resize":
      return tty
        ? [...checkSize(`${field}.resize`, word.value)]
        : [violation(`${field}.resize`, "needs a terminal: begin with tty, or leave it out")];
    case undefined:
      return [violation(field, "is empty: send one of stdin, end_of_input and resize")];
  }
}

const NO_INPUT = "needs an input: begin with stdin, or leave it out";

function* checkBytes(field: string, length: number, hasInput: boolean): Violations {
  if (!hasInput) yield violation(field, NO_INPUT);
  if (length <= INPUT_BYTES_MAX) return;
  const [value, max] = [formatBytes(length), formatBytes(INPUT_BYTES_MAX)];
  yield violation(field, `takes ${value}: send at most ${max} in a word`);
}
