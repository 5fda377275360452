import type { Clock } from "./clock.ts";

/** Wakes one waiter. A ring that nobody waited for is kept for the next one. */
export interface Bell {
  ring(): void;
  /** Forgets a ring that nobody waited for: what it told of is about to be looked at. */
  hush(): void;
  /** Resolves at the next ring, after `limitMs` if given, or once a given `signal` has aborted. */
  wait(signal?: AbortSignal, limitMs?: number): Promise<void>;
}

export function createBell(clock: Pick<Clock, "after">): Bell {
  let isRung = false;
  let wake: () => void = () => undefined;

  const rung = (signal: AbortSignal | undefined, limitMs: number | undefined) =>
    new Promise<void>((resolve) => {
      const disarm = limitMs === undefined ? () => undefined : clock.after(limitMs, done);
      signal?.addEventListener("abort", done);
      wake = done;
      function done() {
        disarm();
        signal?.removeEventListener("abort", done);
        resolve();
      }
    });

  const hush = () => {
    isRung = false;
  };

  return {
    ring() {
      isRung = true;
      wake();
    },
    hush,
    wait(signal, limitMs) {
      // Not an async function: a worker waits here for each of a thousand attempts, and a frame of
      // one is larger than what it waits with.
      if (!isRung && !signal?.aborted) return rung(signal, limitMs).then(hush);
      hush();
      return Promise.resolve();
    },
  };
}
