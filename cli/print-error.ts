import type { CommandError } from "./command-error.ts";
import { colorsFor } from "./output/colors.ts";
import { printLine, type Terminal } from "./terminal.ts";

/** Prints a verb's failure: what went wrong, a problem a line, then what to do about it. */
export function printError(terminal: Terminal, { message, remedies }: CommandError): void {
  const { bad } = colorsFor(terminal);
  for (const [index, line] of message.split("\n").entries()) {
    const isContinued = index > 0 && line.startsWith(" ");
    printLine(terminal.stderr, isContinued ? line : `${bad("error:")} ${line}`);
  }
  for (const remedy of remedies) printLine(terminal.stderr, `  ${remedy}`);
}
