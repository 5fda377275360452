import type { Readable } from "node:stream";
import type { Clock } from "../../lib/clock.ts";

type Options = Readonly<{
  clock: Clock;
  signal: AbortSignal;
  /** How long the engine may send nothing while somebody waits for it. Absent: for ever. */
  idle?: Readonly<{ limitMs: number; error: () => Error }>;
}>;

/**
 * The chunks of a stream, read no faster than they are consumed. Ends quietly when
 * `signal` aborts, and closes the stream whichever way it ends.
 */
export async function* readChunks(
  stream: Readable,
  { clock, signal, idle }: Options,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stop = () => stream.destroy();
  const watchIdleness = () =>
    idle ? clock.after(idle.limitMs, () => stream.destroy(idle.error())) : () => undefined;
  let calm = watchIdleness();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    for await (const chunk of stream) {
      calm();
      yield chunk;
      calm = watchIdleness();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    calm();
    signal.removeEventListener("abort", stop);
    stream.destroy();
  }
}
