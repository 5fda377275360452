/** Time as a dependency. Nothing else in this program may read it or wait for it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. For people and for records; may jump. */
  now(): number;
  /** Milliseconds since an arbitrary point. Never jumps. For leases, deadlines and backoff. */
  monotonic(): number;
  /** Resolves after `delayMs`, or as soon as `signal` aborts. Never rejects. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Resolves once everything that is ready in this turn of the event loop has run. */
  turn(): Promise<void>;
}

/** Longest delay a Node timer can hold; a longer one would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  turn: () => new Promise((resolve) => setImmediate(resolve)),
  sleep: (delayMs, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const timer = setTimeout(done, Math.min(delayMs, TIMER_MS_MAX));
      signal?.addEventListener("abort", done, { once: true });
      function done() {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      }
    }),
};

/**
 * Runs `action` after `delayMs`, unless the returned function is called before.
 * For deadlines; work that waits uses `sleep`.
 */
export function after(clock: Clock, delayMs: number, action: () => void): () => void {
  const cancelled = new AbortController();
  void clock.sleep(delayMs, cancelled.signal).then(() => {
    if (!cancelled.signal.aborted) action();
  });
  return () => cancelled.abort(CANCELLED);
}

/** Given to `abort`, which makes an error with a stack for each call that has no reason. */
const CANCELLED = "cancelled";
