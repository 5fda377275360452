import { createBell } from "./bell.ts";

/** Messages on their way to one reader, in order. */
export interface Inbox {
  push(message: Uint8Array): void;
  /** Nothing more will come; with an error, the reader is told so after the last message. */
  end(error?: Error): void;
  /** Throws the signal's reason as soon as it aborts. */
  read(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined>;
}

/** `onTaken` hears how many bytes the reader has taken. */
export function createInbox(onTaken: (bytes: number) => void): Inbox {
  const waiting: Uint8Array[] = [];
  const news = createBell();
  let ended: { error: Error | undefined } | undefined;

  async function* read(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    signal.addEventListener("abort", news.ring, { once: true });
    try {
      while (waiting.length > 0 || !ended) {
        signal.throwIfAborted();
        const message = waiting.shift();
        if (message) {
          onTaken(message.length);
          yield message;
        } else await news.rung();
      }
      signal.throwIfAborted();
      if (ended.error) throw ended.error;
    } finally {
      signal.removeEventListener("abort", news.ring);
    }
  }

  return {
    push(message) {
      waiting.push(message);
      news.ring();
    },
    end(error) {
      ended ??= { error };
      news.ring();
    },
    read,
  };
}

/** The initial window of HTTP/2. */
const WINDOW_BYTES = 65_535;

/** What a sender may have on the way before its reader takes some of it. */
export interface Window {
  /** Counts what is sent. */
  take(bytes: number): void;
  /** The reader has taken so much. */
  give(bytes: number): void;
  /** Resolves when more may be sent, or when `signal` aborts. */
  room(signal: AbortSignal): Promise<void>;
}

export function createWindow(): Window {
  let left = WINDOW_BYTES;
  let wake: () => void = () => undefined;
  return {
    take(bytes) {
      left -= bytes;
    },
    give(bytes) {
      left += bytes;
      if (left > 0) wake();
    },
    async room(signal) {
      while (left <= 0 && !signal.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
    },
  };
}

/** Tells the sender of what was taken, not of every message but of every half window. */
export function createCredits(send: (bytes: number) => void): (bytes: number) => void {
  let taken = 0;
  return (bytes) => {
    taken += bytes;
    if (taken < WINDOW_BYTES / 2) return;
    send(taken);
    taken = 0;
  };
}
