import { untilAborted } from "../lib/rpc/abortable.ts";
import type { Input } from "./terminal.ts";

type Ends = Readonly<{
  on(event: "exit", listener: () => void): unknown;
  off(event: "exit", listener: () => void): unknown;
}>;

type Parts = Readonly<{
  keyboard: NodeJS.ReadStream;
  screen: NodeJS.WriteStream;
  /** Tells that the process ends, whichever way. */
  exits: Ends;
}>;

/** The process's own standard input. */
export const inputOf = ({ keyboard, screen, exits }: Parts): Input => ({
  isTty: keyboard.isTTY === true,
  read: (signal) => readAll(keyboard, signal),
  makeRaw() {
    const restore = () => void keyboard.setRawMode(false);
    keyboard.setRawMode(true);
    exits.on("exit", restore);
    return () => {
      exits.off("exit", restore);
      restore();
    };
  },
  size: () => (screen.isTTY ? { rows: screen.rows, columns: screen.columns } : undefined),
  onResize(listener) {
    screen.on("resize", listener);
    return () => void screen.off("resize", listener);
  },
});

/** Not destroyed when left: a terminal is put back through it. */
async function* readAll(
  keyboard: NodeJS.ReadStream,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => iterate(keyboard) };
  try {
    yield* untilAborted(chunks, signal, () => undefined);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

const iterate = (keyboard: NodeJS.ReadStream) => keyboard.iterator({ destroyOnReturn: false });
