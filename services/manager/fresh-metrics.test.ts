import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { toTimestamp } from "../../core/time.ts";
import { DEFAULT_RECORD } from "../../core/worker-settings.ts";
import { WorkerMetricsSchema } from "../../gen/berth/v1/worker_pb.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { aPresence } from "../../test/builders.ts";
import { createFreshMetrics } from "./fresh-metrics.ts";
import type { KnownWorker } from "./worker-table.ts";

const LEASE_MS = 4_000;

function createRig() {
  const clock = createManualClock();
  const fresh = createFreshMetrics(clock, LEASE_MS);
  const hear = (workerId: string, sequence: bigint, observeMs = clock.now()) => {
    const metrics = create(WorkerMetricsSchema, { sequence, observeTime: toTimestamp(observeMs) });
    return fresh.of(known(workerId, { metrics })) !== undefined;
  };
  return { clock, fresh, hear };
}

const known = (workerId: string, changes: Parameters<typeof aPresence>[1] = {}): KnownWorker => ({
  ...{ workerId, presence: aPresence(workerId, changes) },
  ...{ linked: true, linkRound: 0, absences: 0, record: DEFAULT_RECORD },
});

test("measurements count for a lease from when they came first, however often they come", async () => {
  const { clock, hear } = createRig();
  const observeMs = clock.now();
  expect(hear("w1", 1n, observeMs)).toBe(true);
  await clock.advance(LEASE_MS - 1);
  expect(hear("w1", 1n, observeMs)).toBe(true);
  await clock.advance(1);
  expect(hear("w1", 1n, observeMs)).toBe(false);
  expect(hear("w1", 2n)).toBe(true);
});

test("a worker's wrong clock makes its measurements neither older nor younger", async () => {
  const { clock, hear } = createRig();
  expect(hear("w1", 1n, 0)).toBe(true);
  const inAYear = clock.now() + 365 * 24 * 3_600_000;
  expect(hear("w2", 1n, inAYear)).toBe(true);
  await clock.advance(LEASE_MS);
  expect(hear("w1", 1n, 0)).toBe(false);
  expect(hear("w2", 1n, inAYear)).toBe(false);
});

test("a worker whose process was started anew counts from 1 again", async () => {
  const { clock, hear } = createRig();
  expect(hear("w1", 1n)).toBe(true);
  await clock.advance(LEASE_MS);
  expect(hear("w1", 1n)).toBe(true);
});

test("says once of whom the measurements have ceased to count, and when the next will", async () => {
  const { clock, fresh, hear } = createRig();
  expect(fresh.msUntilStale()).toBe(Number.POSITIVE_INFINITY);
  hear("w1", 1n);
  await clock.advance(1_000);
  hear("w2", 1n);
  hear("w3", 1n);
  await clock.advance(1_000);
  hear("w2", 2n);
  expect(fresh.msUntilStale()).toBe(2_000);
  await clock.advance(2_000);
  expect(fresh.expire()).toEqual(["w1"]);
  expect(fresh.msUntilStale()).toBe(1_000);
  await clock.advance(10_000);
  expect(fresh.expire()).toEqual(["w3", "w2"]);
  expect(fresh.expire()).toEqual([]);
  expect(fresh.msUntilStale()).toBe(Number.POSITIVE_INFINITY);
});

test("what was dropped does not count again when it is told again", async () => {
  const { clock, fresh, hear } = createRig();
  const observeMs = clock.now();
  hear("w1", 1n, observeMs);
  await clock.advance(LEASE_MS);
  fresh.expire();
  expect(hear("w1", 1n, observeMs)).toBe(false);
  expect(fresh.expire()).toEqual([]);
});

test("a worker without measurements has none that count", () => {
  const { metrics: _, ...presence } = aPresence("w1");
  expect(createRig().fresh.of({ ...known("w1"), presence })).toBeUndefined();
});
