import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

type Span = Readonly<{
  /** The longest first pause. */
  firstMs: number;
  /** The longest pause of all. */
  capMs: number;
}>;

/**
 * How long to wait before try `attempt`, counted from 0 for the first repetition: anything up to
 * `firstMs`, doubled with each attempt, at most `capMs`. Full jitter, so that many who failed
 * together do not come back together ("Exponential Backoff and Jitter", AWS Architecture Blog).
 */
export const backoffMs = (attempt: number, { firstMs, capMs }: Span, random: Random): number =>
  random() * Math.min(capMs, firstMs * 2 ** attempt);

export interface Backoff {
  /** How many milliseconds to wait before the next try. */
  next(): number;
  /** Starts over, because something went well. */
  reset(): void;
}

type Options = Span &
  Readonly<{
    /** After so long without a failure the next one counts as the first. */
    stableMs: number;
    random: Random;
    clock: Pick<Clock, "monotonic">;
  }>;

/** Counts the failures of one thing that is tried again and again. */
export function createBackoff({ stableMs, random, clock, ...span }: Options): Backoff {
  let attempt = 0;
  /** When the last pause was over and the try began. */
  let triedAt = Number.NEGATIVE_INFINITY;

  function next(): number {
    if (clock.monotonic() - triedAt >= stableMs) attempt = 0;
    const delayMs = backoffMs(attempt++, span, random);
    triedAt = clock.monotonic() + delayMs;
    return delayMs;
  }

  return {
    next,
    reset() {
      attempt = 0;
    },
  };
}
