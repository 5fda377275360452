import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { createManualClock } from "./manual-clock.ts";
import { createSeededRandom } from "./random.ts";
import { backoffMs, createBackoff } from "./retry.ts";

const almostOne = () => 1 - Number.EPSILON;
const span = { firstMs: 100, capMs: 1_000 };

function newBackoff() {
  const clock = createManualClock();
  return { clock, backoff: createBackoff({ ...span, stableMs: 5_000, random: almostOne, clock }) };
}

test("doubles the longest pause until the cap", () => {
  const longest = [0, 1, 2, 3, 4, 5_000].map((n) => Math.round(backoffMs(n, span, almostOne)));
  expect(longest).toEqual([100, 200, 400, 800, 1_000, 1_000]);
});

test("never waits less than nothing nor longer than the cap", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (attempt, seed) => {
      const delayMs = backoffMs(attempt, span, createSeededRandom(seed));
      return delayMs >= 0 && delayMs < span.capMs;
    }),
  );
});

test("spreads those who failed together over the whole span", () => {
  const random = createSeededRandom(1);
  const delays = Array.from({ length: 1_000 }, () => backoffMs(9, span, random));
  const inQuarter = (n: number) => delays.filter((ms) => Math.floor(ms / 250) === n).length;
  for (const quarter of [0, 1, 2, 3]) expect(inQuarter(quarter)).toBeGreaterThan(200);
});

test("grows with every failure in a row", async () => {
  const { clock, backoff } = newBackoff();
  const delays: number[] = [];
  for (let i = 0; i < 5; i++) {
    const delayMs = backoff.next();
    delays.push(Math.round(delayMs));
    await clock.advance(delayMs + 4_000);
  }
  expect(delays).toEqual([100, 200, 400, 800, 1_000]);
});

test("starts over after a stable time, in which the pause itself does not count", async () => {
  const { clock, backoff } = newBackoff();
  backoff.next();
  await clock.advance(100 + 4_999);
  expect(Math.round(backoff.next())).toBe(200);
  await clock.advance(200 + 5_000);
  expect(Math.round(backoff.next())).toBe(100);
});

test("starts over when it is told to", () => {
  const { backoff } = newBackoff();
  backoff.next();
  backoff.next();
  backoff.reset();
  expect(Math.round(backoff.next())).toBe(100);
});
