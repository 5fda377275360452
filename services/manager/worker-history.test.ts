import { expect, test } from "@jest/globals";
import { toTimestamp } from "../../core/time.ts";
import { type WorkerPresence, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import { aPresence } from "../../test/builders.ts";
import { createManagerRig } from "./testing/manager-rig.ts";
import { runWorkerHistory } from "./worker-history.ts";

const MINUTE_MS = 60_000;

async function start(options: Parameters<typeof createManagerRig>[0] = {}) {
  const clock = createManualClock();
  const rig = await createManagerRig({ clock, ...options });
  const control = new AbortController();
  const ended = runWorkerHistory({ ...rig, clock }, control.signal);
  const startMs = clock.now();
  return {
    ...rig,
    startMs,
    /** Lets a minute pass, then has the registry tell of a worker. */
    async tell(workerId: string, changes: Partial<WorkerPresence> = {}) {
      await clock.advance(MINUTE_MS);
      rig.workers.setPresence(aPresence(workerId, changes));
      await clock.advance(0);
    },
    at: (minutes: number) =>
      rig.client.listWorkers({ atTime: toTimestamp(startMs + minutes * MINUTE_MS) }),
    advance: clock.advance,
    stop: async () => {
      control.abort();
      await ended;
    },
  };
}

const states = ({ workers }: Awaited<ReturnType<Awaited<ReturnType<typeof start>>["at"]>>) =>
  workers.map(({ id, presence }) => [id, presence?.state]);

test("workers are told as they were, in the order of their IDs, without what was measured", async () => {
  const { tell, at, advance, stop, store } = await start();
  await tell("w1");
  await tell("w1-b");
  await tell("w1", { state: WorkerState.DOWN, reason: "lease expired" });
  await tell("w1", { sessionId: "second" });
  await advance(MINUTE_MS);
  expect(states(await at(0))).toEqual([]);
  expect(states(await at(1))).toEqual([["w1", WorkerState.UP]]);
  const both = await at(3);
  expect(states(both)).toEqual([
    ["w1", WorkerState.DOWN],
    ["w1-b", WorkerState.UP],
  ]);
  expect(both.workers[1]?.presence?.metrics).toBeUndefined();
  expect((await at(4)).workers[0]?.presence?.sessionId).toBe("second");
  expect(await store.count("worker-past/")).toBe(4);
  await stop();
});

test("a heartbeat leaves nothing, and neither does a manager that starts again", async () => {
  const store = createMemoryStore();
  const first = await start({ store });
  await first.tell("w1");
  await first.tell("w1", { heardTime: toTimestamp(first.startMs) });
  await first.stop();
  const second = await start({ store });
  await second.tell("w1");
  expect(await store.count("worker-past/")).toBe(1);
  await second.stop();
});

test("what operators decided is told with the time at which it held", async () => {
  const { tell, at, advance, client, stop } = await start();
  await tell("w1");
  const settings = { labels: { zone: "a" } };
  await client.updateWorker({ workerId: "w1", settings, updateMask: { paths: ["labels"] } });
  await advance(MINUTE_MS);
  expect((await at(0.5)).workers).toEqual([]);
  expect((await at(2)).workers[0]?.settings?.labels).toEqual({ zone: "a" });
  await stop();
});

test("a worker that came and went too often is a gap where it is no longer known", async () => {
  const { tell, at, startMs, client, advance, stop } = await start();
  for (let session = 0; session < 1_003; session++) await tell("w1", { sessionId: `s${session}` });
  await advance(MINUTE_MS);
  const early = await at(2);
  expect(early.workers).toEqual([]);
  expect(early.gaps.map(({ id }) => id)).toEqual(["w1"]);
  const atTime = toTimestamp(startMs + 2 * MINUTE_MS);
  const refusal = await client.getWorker({ workerId: "w1", atTime }).catch((error) => error);
  expect(reasonOf(refusal)).toBe("PAST_NOT_KEPT");
  expect(states(await at(500))).toEqual([["w1", WorkerState.UP]]);
  await stop();
});
