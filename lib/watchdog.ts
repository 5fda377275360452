import type { Clock } from "./clock.ts";

/** Notices silence. */
export interface Watchdog {
  /** Says that something was heard. */
  kick(): void;
  stop(): void;
}

/** Calls `onSilence` once, when nothing was heard for `silenceMs`. */
export function createWatchdog(clock: Clock, silenceMs: number, onSilence: () => void): Watchdog {
  let heard = clock.monotonic();
  let disarm: () => void;

  /** Does not begin anew at every word: there may be thousands before the time is up once. */
  function look(): void {
    const silentMs = clock.monotonic() - heard;
    if (silentMs >= silenceMs) onSilence();
    else disarm = clock.after(silenceMs - silentMs, look);
  }
  look();

  return {
    kick() {
      heard = clock.monotonic();
    },
    stop: () => disarm(),
  };
}
