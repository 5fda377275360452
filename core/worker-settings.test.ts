import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { WorkerSettingsSchema } from "../gen/berth/v1/worker_pb.ts";
import { amount } from "./placement/samples.ts";
import { DEFAULT_RECORD, offeredOf } from "./worker-settings.ts";

const capacity = amount(4_000, 8_192, 1_024);

test("a worker about which nobody decided anything offers what it has", () => {
  expect(offeredOf(capacity, DEFAULT_RECORD.settings)).toBe(capacity);
});

test("each kind is overcommitted by itself, and disk never", () => {
  const cpu = create(WorkerSettingsSchema, { cpuOvercommitPercent: 250 });
  const memory = create(WorkerSettingsSchema, { memoryOvercommitPercent: 150 });
  expect(offeredOf(capacity, cpu)).toEqual({ ...capacity, cpuMillis: 10_000 });
  expect(offeredOf(capacity, memory)).toEqual(amount(4_000, 12_288, 1_024));
});

test("a hundred percent is exactly what there is, of odd numbers too", () => {
  const settings = create(WorkerSettingsSchema, {
    cpuOvercommitPercent: 100,
    memoryOvercommitPercent: 100,
  });
  const odd = { cpuMillis: 29, memoryBytes: 2 ** 53 - 1, diskBytes: 7 };
  expect(offeredOf(odd, settings)).toEqual(odd);
  expect(offeredOf(odd, { ...settings, memoryOvercommitPercent: 400 }).memoryBytes).toBe(
    Number.MAX_SAFE_INTEGER,
  );
});
