import { expect, test } from "@jest/globals";
import type { Clock } from "./clock.ts";
import { createManualClock } from "./manual-clock.ts";
import { watchStalls } from "./stall-watch.ts";

/** A clock that can jump while everybody sleeps, as when the process was paused. */
function createJumpyClock() {
  const manual = createManualClock();
  let jumpedMs = 0;
  const clock: Clock = { ...manual, monotonic: () => manual.monotonic() + jumpedMs };
  return {
    clock,
    advance: manual.advance,
    pause: (ms: number) => {
      jumpedMs += ms;
    },
  };
}

test("a loop that is a little late has not stalled, one that was away for long has", async () => {
  const { clock, advance, pause } = createJumpyClock();
  const stalls: number[] = [];
  const control = new AbortController();
  const ended = watchStalls(clock, (lateMs) => stalls.push(lateMs), control.signal);
  await advance(5_000);
  pause(499);
  await advance(600);
  expect(stalls).toEqual([]);
  pause(60_000);
  await advance(600);
  expect(stalls).toEqual([60_000]);
  control.abort();
  await ended;
});
