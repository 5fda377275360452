import { expect, test } from "@jest/globals";
import { cpuMeasured, memoryMeasured, taskMaximum } from "./load.ts";
import { amount, metrics, worker } from "./samples.ts";

test("a worker that was not measured was not measured to use anything", () => {
  expect([cpuMeasured(worker("a")), memoryMeasured(worker("a"))]).toEqual([0, 0]);
});

test.each([
  ["half used", metrics(50, 4096), [0.5, 0.5]],
  ["impossible: more than all of it", metrics(120, -4096), [1, 0]],
  ["of nothing", { cpuPercent: 0, memoryTotalBytes: 0, memoryAvailableBytes: 0 }, [0, 0]],
])("measured use is a share of the machine: %s", (_, measured, shares) => {
  const busy = worker("a", { metrics: measured });
  expect([cpuMeasured(busy), memoryMeasured(busy)]).toEqual(shares);
});

test.each([
  ["as its CPU allows", amount(400, 65_536), 4],
  ["as its memory allows", amount(64_000, 1000), 5],
  ["by one that offers nothing", amount(), 1],
])("how many tasks a worker has room for: %s", (_, capacity, maximum) => {
  expect(taskMaximum(capacity)).toBe(maximum);
});
