import type { Readable, Writable } from "node:stream";

/**
 * The messages of a grpc-js stream as `read` understands them, taken off the wire no faster than
 * they are asked for. Throws the signal's reason when it aborts, if there is one. Unlike the stream's own iterator
 * this one never destroys the stream, whose other half may still be writing. To be read by one
 * reader, one message at a time.
 *
 * Written out, not as a generator: of what a heartbeat costs its two ends that was a good part.
 */
export function messagesOf<T>(
  stream: Readable,
  signal: AbortSignal | undefined,
  read: (message: Uint8Array) => T,
): AsyncIterableIterator<T, undefined> {
  let unlisten: (() => void) | undefined;
  let reader: Reader<T> | undefined;
  let isOver = false;

  /** Gives the reader what there is to give now, if anything. */
  function look(): void {
    if (!reader) return;
    const { resolve, reject } = reader;
    try {
      const result = take();
      if (!result) return;
      reader = undefined;
      resolve(result);
    } catch (error) {
      end();
      reject(error);
    }
  }

  function take(): IteratorResult<T, undefined> | undefined {
    if (isOver) return DONE;
    signal?.throwIfAborted();
    const message: Uint8Array | null = stream.read();
    if (message !== null) return { done: false, value: read(message) };
    return stream.readableEnded || stream.destroyed ? end() : undefined;
  }

  function end(): IteratorResult<T, undefined> {
    [isOver, reader] = [true, undefined];
    unlisten?.();
    return DONE;
  }

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () =>
      new Promise((resolve, reject) => {
        reader = { resolve, reject };
        unlisten ??= listen(stream, signal, look);
        look();
      }),
    async return() {
      const left = reader;
      end();
      left?.resolve(DONE);
      return DONE;
    },
  };
}

type Reader<T> = Readonly<{
  resolve: (result: IteratorResult<T, undefined>) => void;
  reject: (reason: unknown) => void;
}>;

const DONE = { done: true, value: undefined } as const;

/** Listens once for as long as a stream is read: doing so anew for each message costs more than it. */
function listen(stream: Readable, signal: AbortSignal | undefined, tell: () => void): () => void {
  const events = ["readable", "end", "close"];
  for (const event of events) stream.on(event, tell);
  signal?.addEventListener("abort", tell, { once: true });
  return () => {
    for (const event of events) stream.off(event, tell);
    signal?.removeEventListener("abort", tell);
  };
}

/**
 * Writes a message. False when the stream should be left to drain before the next one: grpc-js
 * itself buffers without limit. Throws the signal's reason when it has aborted.
 */
export function writeMessage(stream: Writable, message: Uint8Array, signal: AbortSignal): boolean {
  signal.throwIfAborted();
  return stream.write(message);
}

/**
 * Resolves when a stream takes more or has closed. Rejects with the signal's reason when it aborts:
 * a stream whose reader left never drains.
 */
export function drained(stream: Writable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    for (const event of ["drain", "close"]) stream.on(event, done);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
    function done() {
      for (const event of ["drain", "close"]) stream.off(event, done);
      signal.removeEventListener("abort", done);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    }
  });
}
