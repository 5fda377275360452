import type { Clock } from "./clock.ts";
import { cancelled } from "./errors.ts";

/** How long a computation may hold the event loop before others get their turn. */
const SLICE_MS = 10;

/**
 * For many short works one after the other: waits for others to have their turn where these works
 * have held the event loop for long. What is only awaited gives nobody else a turn where nothing has
 * to be waited for.
 */
export function createBreather(clock: Clock): () => Promise<void> {
  let beganMs = clock.monotonic();
  return async () => {
    if (clock.monotonic() - beganMs < SLICE_MS) return;
    await clock.turn();
    beganMs = clock.monotonic();
  };
}

/**
 * Carries out a long computation a slice at a time, so that the process stays responsive. It yields
 * where it can be interrupted. Rejects when `signal` aborts before it is done.
 */
export async function inSlices<T>(
  work: Generator<undefined, T, undefined>,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  let beganMs = clock.monotonic();
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    if (clock.monotonic() - beganMs < SLICE_MS) continue;
    await clock.turn();
    if (signal.aborted) throw cancelled("the caller left before the computation was done");
    beganMs = clock.monotonic();
  }
}
