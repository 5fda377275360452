import type { Readable, Writable } from "node:stream";

/**
 * The messages of a grpc-js stream, taken off the wire no faster than they are asked for.
 * Throws the signal's reason when it aborts. Unlike the stream's own iterator this one never
 * destroys the stream, whose other half may still be writing.
 */
export async function* messagesOf(
  stream: Readable,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  while (true) {
    signal.throwIfAborted();
    const message: Uint8Array | null = stream.read();
    if (message !== null) yield message;
    else if (stream.readableEnded || stream.destroyed) return;
    else await firstOf(stream, ["readable", "end", "close"], signal);
  }
}

/**
 * Writes a message and waits until the stream takes more. grpc-js itself buffers without
 * limit. Throws the signal's reason when it aborts: a stream whose reader left never drains.
 */
export async function writeMessage(
  stream: Writable,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  if (stream.write(message)) return;
  await firstOf(stream, ["drain", "close"], signal);
  signal.throwIfAborted();
}

/** Resolves with the first of `events`, or when `signal` aborts. Leaves no listener behind. */
function firstOf(
  stream: Readable | Writable,
  events: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    for (const event of events) stream.on(event, done);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
    function done() {
      for (const event of events) stream.off(event, done);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
