import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { UsageSamples } from "./usage-samples.ts";

const [MAX, SPAN_MS] = [24, 60_000];

test("the latest samples of the span are kept, as an array would have it", () => {
  const run = (pausesMs: readonly number[]) => {
    const samples = new UsageSamples(MAX, SPAN_MS);
    let all: { takenMs: number; cpuNanos: number; memoryBytes: number }[] = [];
    let takenMs = 1_700_000_000_000;
    for (const [index, pauseMs] of pausesMs.entries()) {
      takenMs += pauseMs;
      const sample = { takenMs, cpuNanos: index * 1e15 + 1, memoryBytes: index };
      samples.add(sample);
      all = [...all.filter((each) => each.takenMs >= takenMs - SPAN_MS), sample].slice(-MAX);
      expect(samples.list()).toEqual(all);
    }
  };
  const pauses = fc.array(fc.oneof(fc.nat(5_000), fc.nat(90_000)), { maxLength: 120 });
  fc.assert(fc.property(pauses, run), { seed: 3, numRuns: 100 });
});

test("a clock that was set back forgets nothing that is still of the span", () => {
  const samples = new UsageSamples(MAX, SPAN_MS);
  for (const takenMs of [100_000, 40_000, 41_000])
    samples.add({ takenMs, cpuNanos: 0, memoryBytes: 0 });
  expect(samples.list().map(({ takenMs }) => takenMs)).toEqual([100_000, 40_000, 41_000]);
});
