import type { Readable, Writable } from "node:stream";

/**
 * The messages of a grpc-js stream as `read` understands them, taken off the wire no faster than
 * they are asked for. Throws the signal's reason when it aborts. Unlike the stream's own iterator
 * this one never destroys the stream, whose other half may still be writing.
 */
export async function* messagesOf<T>(
  stream: Readable,
  signal: AbortSignal,
  read: (message: Uint8Array) => T,
): AsyncGenerator<T, void, undefined> {
  const news = createNews(stream, signal);
  try {
    while (true) {
      signal.throwIfAborted();
      const message: Uint8Array | null = stream.read();
      if (message !== null) yield read(message);
      else if (stream.readableEnded || stream.destroyed) return;
      else await news.next();
    }
  } finally {
    news.end();
  }
}

/** Listens once for as long as a stream is read: doing so anew for each message costs more than it. */
function createNews(stream: Readable, signal: AbortSignal) {
  let wake: () => void = () => undefined;
  const tell = () => wake();
  const events = ["readable", "end", "close"];
  for (const event of events) stream.on(event, tell);
  signal.addEventListener("abort", tell, { once: true });
  return {
    next: () =>
      new Promise<void>((resolve) => {
        wake = resolve;
      }),
    end(): void {
      for (const event of events) stream.off(event, tell);
      signal.removeEventListener("abort", tell);
    },
  };
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
  await drained(stream, signal);
  signal.throwIfAborted();
}

/** Resolves when the stream takes more or has closed, or when `signal` aborts. */
function drained(stream: Writable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["drain", "close"]) stream.on(event, done);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
    function done() {
      for (const event of ["drain", "close"]) stream.off(event, done);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
