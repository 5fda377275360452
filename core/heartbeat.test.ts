import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { WorkerMetricsSchema } from "../gen/berth/v1/worker_pb.ts";
import { anyMessage } from "../lib/message/testing/any-message.ts";
import { aPresence } from "../test/builders.ts";
import { takeInBeat } from "./heartbeat.ts";
import { toTimestamp } from "./time.ts";

const anyMetrics = () =>
  anyMessage(WorkerMetricsSchema).map((init) => create(WorkerMetricsSchema, init));

const measuredAt = (ms: number) =>
  create(WorkerMetricsSchema, { sequence: BigInt(ms), observeTime: toTimestamp(ms) });

test("a worker's measurements are those of the last heartbeat that had any, in every field", () => {
  fc.assert(
    fc.property(fc.array(fc.option(anyMetrics(), { nil: undefined })), (beats) => {
      const presence = aPresence("w1");
      let latest = structuredClone(presence.metrics);
      for (const metrics of beats) {
        // What came in one heartbeat may be changed by the next.
        latest = structuredClone(metrics) ?? latest;
        takeInBeat(presence, { metrics });
        expect(presence.metrics).toEqual(latest);
      }
    }),
  );
});

test("a field of a later version comes with the measurements that have it, and goes with them", () => {
  const presence = aPresence("w1", { metrics: measuredAt(1) });
  const later = {
    ...measuredAt(2),
    $unknown: [{ no: 99, wireType: 0, data: new Uint8Array([1]) }],
  };
  takeInBeat(presence, { metrics: later });
  expect(presence.metrics).toEqual(later);
  takeInBeat(presence, { metrics: measuredAt(3) });
  expect(presence.metrics).toEqual(measuredAt(3));
});

test("what is kept of a worker does not grow old with what came last", () => {
  const presence = aPresence("w1", { metrics: measuredAt(1), heardTime: toTimestamp(1) });
  const { metrics, heardTime } = presence;
  takeInBeat(presence, { metrics: measuredAt(2_000), heardTime: toTimestamp(2_500) });
  expect([presence.metrics, presence.heardTime]).toEqual([measuredAt(2_000), toTimestamp(2_500)]);
  expect(presence.metrics).toBe(metrics);
  expect(presence.heardTime).toBe(heardTime);
});

test("a worker was last heard when it said something, measurements or not", () => {
  const presence = aPresence("w1", { metrics: measuredAt(1) });
  takeInBeat(presence, { heardTime: toTimestamp(7_250) });
  expect([presence.metrics, presence.heardTime]).toEqual([measuredAt(1), toTimestamp(7_250)]);
});
