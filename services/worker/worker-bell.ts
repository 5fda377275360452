import type { Clock } from "../../lib/clock.ts";

/** Wakes one waiter. A ring that nobody waited for is kept for the next one. */
export interface Bell {
  ring(): void;
  /** Forgets a ring that nobody waited for: what it told of is about to be looked at. */
  hush(): void;
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
    hush() {
      isRung = false;
    },
    async wait(signal, limitMs) {
      if (!isRung && !signal.aborted) {
        const woken = new AbortController();
        wake = () => woken.abort(WOKEN);
        signal.addEventListener("abort", wake);
        await (limitMs === undefined ? aborted(woken.signal) : clock.sleep(limitMs, woken.signal));
        signal.removeEventListener("abort", wake);
      }
      isRung = false;
    },
  };
}

/** Given to `abort`, which makes an error with a stack for each call that has no reason. */
const WOKEN = "woken";

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
