import type { Clock } from "../../lib/clock.ts";

/** Wakes one waiter. A ring that nobody waited for is kept for the next one. */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring, after `limitMs` if given, or once `signal` has aborted. */
  wait(signal: AbortSignal, limitMs?: number): Promise<void>;
}

export function createBell(clock: Clock): Bell {
  let isRung = false;
  let wake: () => void = () => undefined;

  return {
    ring() {
      isRung = true;
      wake();
    },
    async wait(signal, limitMs) {
      if (!isRung && !signal.aborted) {
        const woken = new AbortController();
        wake = () => woken.abort();
        signal.addEventListener("abort", wake);
        await (limitMs === undefined ? aborted(woken.signal) : clock.sleep(limitMs, woken.signal));
        signal.removeEventListener("abort", wake);
      }
      isRung = false;
    },
  };
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
