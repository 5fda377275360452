import type { LogEntry } from "../../gen/berth/v1/log_entry_pb.ts";
import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";

/**
 * What waits for one follower of a log. The entries are shared with all other followers, so that
 * however many they are, little more is kept than what waits for the slowest.
 */
export interface Tap {
  /** Adds what was written. Who has too much waiting already loses it all, and is outrun. */
  post(entries: readonly LogEntry[]): void;
  /** Nothing more will come. With a reason, the reader is told by an exception. */
  end(reason?: Error): void;
  /** What was posted, until the end, until it is outrun or until `signal` aborts. */
  read(signal: AbortSignal): AsyncGenerator<readonly LogEntry[], void, undefined>;
  hasRoom(): boolean;
  /** How long the others may still be held up until its reader has taken something. */
  graceLeftMs(): number;
  isOutrun(): boolean;
}

/** What waits for one follower at most, in bytes, each entry counted with its particulars. */
export const TAP_BYTES_MAX = 1_024 * 1_024;

const ENTRY_BYTES = 64;

/** One that has this much waiting is full, until it has no more than half of that. */
const FULL_BYTES = TAP_BYTES_MAX / 8;

/** How long a reader may be full before the others go on without it. */
export const GRACE_MS = 5_000;

const bytesOf = (entries: readonly LogEntry[]): number =>
  entries.reduce((sum, { data }) => sum + data.byteLength + ENTRY_BYTES, 0);

type Waiting = Readonly<{ entries: readonly LogEntry[]; bytes: number }>;

/** `onRoom` is called whenever something was taken. */
export function createTap(clock: Pick<Clock, "after" | "monotonic">, onRoom: () => void): Tap {
  const waiting: Waiting[] = [];
  const news = createBell(clock);
  let byteCount = 0;
  let isOutrun = false;
  const full = createFullness(clock);
  let ending: Readonly<{ reason: Error | undefined }> | undefined;

  function take(): readonly LogEntry[] | undefined {
    const next = waiting.shift();
    if (!next) return undefined;
    byteCount -= next.bytes;
    full.note(byteCount);
    onRoom();
    return next.entries;
  }

  function hasEnded(): boolean {
    if (ending?.reason) throw ending.reason;
    return ending !== undefined;
  }

  return {
    post(entries) {
      if (isOutrun || ending || entries.length === 0) return;
      const bytes = bytesOf(entries);
      waiting.push({ entries, bytes });
      byteCount += bytes;
      full.note(byteCount);
      isOutrun = byteCount > TAP_BYTES_MAX;
      if (isOutrun) waiting.length = 0;
      news.ring();
    },
    end(reason) {
      ending ??= { reason };
      news.ring();
    },
    async *read(signal) {
      full.begin();
      while (!signal.aborted && !isOutrun) {
        const entries = take();
        if (entries) yield entries;
        else if (hasEnded()) return;
        else await news.wait(signal);
      }
    },
    hasRoom: () => !full.is() && !isOutrun,
    graceLeftMs: () => (full.is() && !isOutrun ? full.graceLeftMs() : 0),
    isOutrun: () => isOutrun,
  };
}

/** Whether a tap is full, and how long others wait for that to end. */
function createFullness(clock: Pick<Clock, "monotonic">) {
  let isFull = false;
  /** Since when, for its reader. Always, while that reads something else: nobody waits for it. */
  let sinceMs = Number.NEGATIVE_INFINITY;
  let isReading = false;
  return {
    note(byteCount: number): void {
      const wasFull = isFull;
      isFull = byteCount >= (wasFull ? FULL_BYTES / 2 : FULL_BYTES);
      if (isFull && !wasFull && isReading) sinceMs = clock.monotonic();
    },
    begin(): void {
      isReading = true;
      sinceMs = clock.monotonic();
    },
    is: () => isFull,
    graceLeftMs: () => Math.max(0, sinceMs + GRACE_MS - clock.monotonic()),
  };
}
