import type { Context } from "./context.ts";
import { printLine, type Terminal } from "./terminal.ts";

/** Tells how far something has come. */
export interface Progress {
  /** On a screen the line is rewritten, not too often; elsewhere it is kept for the end. */
  show(line: string): void;
  /** Makes room for other lines. */
  clear(): void;
  /** The last line stays. */
  end(): void;
}

const REWRITE_MS = 100;

/** Goes to the beginning of the line and clears it. */
const REWIND = "\r\u001b[2K";

/** Whether lines can be rewritten: what is no screen gets each line once. */
export const areRewritten = ({ isErrorTty, env }: Terminal): boolean =>
  isErrorTty && env["TERM"] !== "dumb";

type Options = Readonly<{
  quiet: boolean;
  /** How often the line is rewritten at most: it is for eyes. */
  everyMs?: number;
}>;

/** Progress on stderr. Nothing moves where stderr is no screen. */
export function createProgress(
  { terminal, clock }: Context,
  { quiet, everyMs = REWRITE_MS }: Options,
): Progress {
  const { stderr, columns } = terminal;
  const moves = !quiet && areRewritten(terminal);
  let latest: string | undefined;
  let shownMs = Number.NEGATIVE_INFINITY;
  let isDrawn = false;

  function clear(): void {
    if (isDrawn) stderr.write(REWIND);
    isDrawn = false;
  }

  return {
    show(line) {
      latest = line;
      if (!moves || clock.monotonic() - shownMs < everyMs) return;
      shownMs = clock.monotonic();
      stderr.write(REWIND + fitting(line, columns));
      isDrawn = true;
    },
    clear,
    end() {
      clear();
      if (latest !== undefined && !quiet) printLine(stderr, latest);
      latest = undefined;
    },
  };
}

/** A line that were broken by the screen could not be rewritten. */
const fitting = (line: string, columns: number): string =>
  line.length < columns ? line : `${line.slice(0, Math.max(0, columns - 2))}…`;
