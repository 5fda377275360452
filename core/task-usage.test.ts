import { expect, test } from "@jest/globals";
import { createCpuRates } from "./task-usage.ts";
import { toTimestamp } from "./time.ts";

const at = (ms: number, cpuMs: number, attempt = 1) => ({
  taskId: "t1",
  attempt,
  observeTime: toTimestamp(ms),
  cpuNanos: BigInt(cpuMs * 1e6),
});

test("is the share of one CPU since the round before", () => {
  const rates = createCpuRates();
  expect(rates([at(0, 100)])).toEqual([undefined]);
  expect(rates([at(1_000, 350)])).toEqual([25]);
  expect(rates([at(2_000, 2_350)])).toEqual([200]);
});

test("is the same again of a measurement that is seen again", () => {
  const rates = createCpuRates();
  rates([at(0, 0)]);
  expect(rates([at(1_000, 500)])).toEqual([50]);
  expect(rates([at(1_000, 500)])).toEqual([50]);
  expect(rates([at(3_000, 500)])).toEqual([0]);
});

test("begins anew with a new attempt, and bears a clock that is set back", () => {
  const rates = createCpuRates();
  rates([at(1_000, 500)]);
  expect(rates([at(2_000, 0, 2)])).toEqual([undefined]);
  expect(rates([at(500, 100, 2)])).toEqual([undefined]);
  expect(rates([at(1_500, 200, 2)])).toEqual([10]);
});
