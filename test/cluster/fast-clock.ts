import { type Clock, sleepBy, systemClock } from "../../lib/clock.ts";

/** How many of the cluster's milliseconds pass in a real one. */
const SPEED = 10;

/** Real time, ten times as fast: leases and backoffs keep their proportions and cost a tenth. */
export function createFastClock(): Clock {
  const startMs = systemClock.now();
  const startedAt = systemClock.monotonic();
  const elapsedMs = () => (systemClock.monotonic() - startedAt) * SPEED;
  const after: Clock["after"] = (delayMs, action) => systemClock.after(delayMs / SPEED, action);
  return {
    now: () => Math.floor(startMs + elapsedMs()),
    monotonic: elapsedMs,
    turn: systemClock.turn,
    after,
    sleep: sleepBy(after),
  };
}
