import type { Command } from "commander";
import { CommandError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { printError } from "../print-error.ts";
import { CLEAR, type Terminal } from "../terminal.ts";

export type WatchFlags = Readonly<{ watch?: true }>;

/** How often something is looked at that nobody tells the changes of. */
const INTERVAL_MS = 2_000;

export const addWatchFlag = (command: Command): Command =>
  command.option("-w, --watch", "go on printing as it changes");

/**
 * Shows something once, or with `--watch` again and again until the user leaves: on a screen in place
 * of what was there, elsewhere only when it has changed. A manager that is away is asked again.
 */
export async function watched(
  context: Context,
  { watch }: WatchFlags,
  show: (context: Context) => Promise<ExitCode>,
): Promise<ExitCode> {
  if (!watch) return show(context);
  const { terminal, clock, interrupted } = context;
  const print = pagePrinter(terminal);
  while (!interrupted.aborted) {
    const page = await pageOf(context, show);
    // A call that was hung up has shown half a page.
    if (interrupted.aborted) break;
    print(page);
    await terminal.stdout.drained();
    await clock.sleep(INTERVAL_MS, interrupted);
  }
  return exitCodes.interrupted;
}

/** Trouble is told when it is new. */
function pagePrinter(terminal: Terminal): (page: Page) => void {
  let [shown, trouble] = ["", ""];
  return (page) => {
    if (page.kind === "away") {
      if (page.error.message !== trouble) printError(terminal, page.error);
      trouble = page.error.message;
      return;
    }
    if (terminal.isTty) terminal.stdout.write(CLEAR + page.text);
    else if (page.text !== shown) terminal.stdout.write(page.text);
    [shown, trouble] = [page.text, ""];
  };
}

type Page =
  | Readonly<{ kind: "shown"; text: string }>
  | Readonly<{ kind: "away"; error: CommandError }>;

/** What would be printed. */
async function pageOf(
  context: Context,
  show: (context: Context) => Promise<ExitCode>,
): Promise<Page> {
  const decoder = new TextDecoder();
  const pieces: string[] = [];
  const stdout = {
    write: (data: string | Uint8Array) =>
      void pieces.push(typeof data === "string" ? data : decoder.decode(data)),
    drained: () => Promise.resolve(),
  };
  try {
    await show({ ...context, terminal: { ...context.terminal, stdout } });
    return { kind: "shown", text: pieces.join("") };
  } catch (error) {
    const isAway = error instanceof CommandError && error.exitCode === exitCodes.unreachable;
    if (isAway) return { kind: "away", error };
    throw error;
  }
}
