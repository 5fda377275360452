import type { Clock } from "./clock.ts";

/** How often the event loop is felt. Two timers a second cost an idle process nothing. */
const BEAT_MS = 500;

/** Timers of an idle process are late by 1 or 2 ms; a busy turn of the loop takes some 100 ms. */
const STALL_MS_MIN = 500;

/**
 * Calls `onStall` whenever this process was away: paused, swapped out, on a machine that slept, or
 * busy with one thing for too long. Until `signal` aborts. Timers run before what waits in the
 * sockets is read, so a stall is told of before anything that came in during it.
 */
export async function watchStalls(
  clock: Clock,
  onStall: (lateMs: number) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const startMs = clock.monotonic();
    await clock.sleep(BEAT_MS, signal);
    const lateMs = clock.monotonic() - startMs - BEAT_MS;
    if (lateMs >= STALL_MS_MIN) onStall(lateMs);
  }
}
