import type { Readable, Writable } from "node:stream";
import { type Pulled, pulled, type Taker } from "./pulled.ts";

/**
 * The messages of a grpc-js stream as `read` understands them, taken off the wire no faster than
 * they are asked for. Fails with the signal's reason when it aborts, if there is one. Unlike the
 * stream's own iterator this one never destroys the stream, whose other half may still be writing. To
 * be read by one reader, one message at a time.
 */
export function messagesOf<T>(
  stream: Readable,
  signal: AbortSignal | undefined,
  read: (message: Uint8Array) => T,
): Pulled<T> {
  let unlisten: (() => void) | undefined;
  let reader: Taker<T> | undefined;
  let isOver = false;

  /** Gives the reader what there is to give now, if anything. */
  function look(): void {
    const taker = reader;
    if (!taker) return;
    let message: T | undefined;
    try {
      message = take();
    } catch (error) {
      end()?.fail(error);
      return;
    }
    if (message !== undefined) {
      reader = undefined;
      taker.take(message);
    } else if (stream.readableEnded || stream.destroyed) end()?.end();
  }

  function take(): T | undefined {
    signal?.throwIfAborted();
    const bytes: Uint8Array | null = stream.read();
    return bytes === null ? undefined : read(bytes);
  }

  /** Who waited. */
  function end(): Taker<T> | undefined {
    const left = reader;
    [isOver, reader] = [true, undefined];
    unlisten?.();
    return left;
  }

  function pull(taker: Taker<T>): void {
    reader = taker;
    if (isOver) end()?.end();
    else {
      unlisten ??= listen(stream, signal, look);
      look();
    }
  }

  return pulled(pull, () => end()?.end());
}

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
