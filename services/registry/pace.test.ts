import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { BEATS_PER_SECOND, isWorthTelling, paceOf } from "./pace.ts";

const terms = { leaseMs: 4_000, intervalMs: 1_000 };

test("few workers beat at the interval", () => {
  expect(paceOf(1, terms)).toBe(1_000);
  expect(paceOf(BEATS_PER_SECOND, terms)).toBe(1_000);
});

test("many workers beat less often, so that all together beat no more", () => {
  expect(paceOf(1.5 * BEATS_PER_SECOND, terms)).toBe(1_500);
  expect(paceOf(2 * BEATS_PER_SECOND, terms)).toBe(2_000);
});

test("nobody is asked for less than two heartbeats a lease, but by whoever set the interval", () => {
  expect(paceOf(10_000, terms)).toBe(2_000);
  expect(paceOf(10_000, { leaseMs: 4_000, intervalMs: 3_000 })).toBe(3_000);
});

test("one more worker is not worth telling everybody", () => {
  expect(isWorthTelling(paceOf(801, terms), paceOf(800, terms))).toBe(false);
  expect(isWorthTelling(paceOf(1_000, terms), paceOf(800, terms))).toBe(true);
  expect(isWorthTelling(paceOf(800, terms), paceOf(1_000, terms))).toBe(true);
});

test("a fleet that grows is told its pace a few times only", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), (most) => {
      let [toldMs, tellings] = [paceOf(1, terms), 0];
      for (let upCount = 1; upCount <= most; upCount++) {
        const paceMs = paceOf(upCount, terms);
        if (!isWorthTelling(paceMs, toldMs)) continue;
        toldMs = paceMs;
        tellings++;
      }
      expect(tellings).toBeLessThanOrEqual(10);
    }),
    { numRuns: 10 },
  );
});
