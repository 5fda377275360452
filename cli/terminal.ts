/** A stream of the process. */
export interface Output {
  write(data: string | Uint8Array): void;
  /** Resolves once the reader has taken what was written, so that a slow one is not buffered for. */
  drained(): Promise<void>;
}

/** What is typed, or piped, into the process. */
export interface Input {
  /** Whether somebody types it. */
  readonly isTty: boolean;
  /** All of it, until its end or until `signal` aborts. */
  read(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Has every key come as it is typed, Ctrl-C too, until the returned function is called or the
   * process ends, whichever way.
   */
  makeRaw(): () => void;
  /** Of the screen. Undefined where there is none. */
  size(): ScreenSize | undefined;
  /** Calls `listener` whenever the size has changed, until the returned function is called. */
  onResize(listener: () => void): () => void;
}

export type ScreenSize = Readonly<{ rows: number; columns: number }>;

/** Where a verb is run: what it may print to and what it may read. */
export type Terminal = Readonly<{
  stdin: Input;
  /** For data: what a script reads. */
  stdout: Output;
  /** For messages: what a person reads. */
  stderr: Output;
  /** Whether `stdout` is a screen. */
  isTty: boolean;
  /** Whether `stderr` is a screen. */
  isErrorTty: boolean;
  /** Width of the screen. */
  columns: number;
  env: Readonly<Record<string, string | undefined>>;
}>;

/** Puts the cursor into the upper left corner of a cleared screen. */
export const CLEAR = "\u001b[H\u001b[2J";

export const printLine = (output: Output, line: string): void => output.write(`${line}\n`);
