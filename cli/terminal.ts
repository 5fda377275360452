/** A stream of the process. */
export interface Output {
  write(data: string | Uint8Array): void;
  /** Resolves once the reader has taken what was written, so that a slow one is not buffered for. */
  drained(): Promise<void>;
}

/** Where a verb is run: what it may print to and what it may read. */
export type Terminal = Readonly<{
  /** For data: what a script reads. */
  stdout: Output;
  /** For messages: what a person reads. */
  stderr: Output;
  /** Whether `stdout` is a screen. */
  isTty: boolean;
  /** Width of the screen. */
  columns: number;
  env: Readonly<Record<string, string | undefined>>;
}>;

export const printLine = (output: Output, line: string): void => output.write(`${line}\n`);
