import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { StreamTaskStatsResponseSchema } from "../gen/berth/v1/manager_service_pb.ts";
import { createManualClock } from "../lib/manual-clock.ts";
import type { Manager } from "./context.ts";
import { settledRound } from "./stats-rounds.ts";

/** The rounds that a manager tells of one task, by how busy it was in each. */
function settle(busy: readonly (number | undefined)[]) {
  const manager = {
    async *streamTaskStats() {
      for (const cpuPercent of busy) {
        const stats = [{ taskId: "t1", ...(cpuPercent !== undefined && { cpuPercent }) }];
        yield create(StreamTaskStatsResponseSchema, { stats, complete: true });
      }
    },
  };
  const { signal } = new AbortController();
  const clock = createManualClock();
  return settledRound(manager as unknown as Manager, { request: {}, clock, signal });
}

test.each<[string, (number | undefined)[], number | undefined]>([
  ["the second, as a rule", [undefined, 7, 9], 7],
  [
    "the third, when the worker's second measurement was not there yet",
    [undefined, undefined, 9],
    9,
  ],
  ["the fourth, when nobody can tell", [undefined, undefined, undefined, undefined, 9], undefined],
  ["the last, when the stream ends with it", [undefined], undefined],
])("the round that is printed once is %s", async (_which, busy, expected) => {
  const { stats } = await settle(busy);
  expect(stats.map(({ cpuPercent }) => cpuPercent)).toEqual([expected]);
});
