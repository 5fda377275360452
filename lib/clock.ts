/** Time as a dependency. Nothing else in this program may read it or wait for it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. For people and for records; may jump. */
  now(): number;
  /** Milliseconds since an arbitrary point. Never jumps. For leases, deadlines and backoff. */
  monotonic(): number;
  /** Runs `action` after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, action: () => void): () => void;
  /** Resolves after `delayMs`, or as soon as `signal` aborts. Never rejects. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Resolves once everything that is ready in this turn of the event loop has run. */
  turn(): Promise<void>;
}

/** Longest delay a Node timer can hold; a longer one would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

function afterReally(delayMs: number, action: () => void): () => void {
  const timer = setTimeout(action, Math.min(delayMs, TIMER_MS_MAX));
  return () => clearTimeout(timer);
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: afterReally,
  sleep: sleepBy(afterReally),
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};

/** How to sleep with a clock's timers. */
export function sleepBy(after: Clock["after"]): Clock["sleep"] {
  return (delayMs, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const disarm = after(delayMs, done);
      signal?.addEventListener("abort", done, { once: true });
      function done() {
        disarm();
        signal?.removeEventListener("abort", done);
        resolve();
      }
    });
}
