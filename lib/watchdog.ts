import type { Clock } from "./clock.ts";

/** Notices silence. */
export interface Watchdog {
  /** Says that something was heard. */
  kick(): void;
  stop(): void;
}

/** Calls `onSilence` once, when nothing was heard for `silenceMs`. */
export function createWatchdog(clock: Clock, silenceMs: number, onSilence: () => void): Watchdog {
  const stopped = new AbortController();
  let heard = clock.monotonic();

  async function watch(): Promise<void> {
    while (!stopped.signal.aborted) {
      const silentMs = clock.monotonic() - heard;
      if (silentMs >= silenceMs) return onSilence();
      await clock.sleep(silenceMs - silentMs, stopped.signal);
    }
  }
  void watch();

  return {
    kick() {
      heard = clock.monotonic();
    },
    stop: () => stopped.abort(),
  };
}
