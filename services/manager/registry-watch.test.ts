import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { toTimestamp } from "../../core/time.ts";
import {
  RegistryService,
  type WorkerHeartbeatSchema,
} from "../../gen/berth/v1/registry_service_pb.ts";
import {
  WorkerMetricsSchema,
  type WorkerPresence,
  WorkerState,
} from "../../gen/berth/v1/worker_pb.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { aPresence } from "../../test/builders.ts";
import { contactsOf } from "../../test/contacts.ts";
import { until } from "../../test/until.ts";
import { runRegistryWatch } from "./registry-watch.ts";
import { createRegistryWord } from "./registry-word.ts";
import { asChannel } from "./testing/manager-rig.ts";
import { createWorkerTable } from "./worker-table.ts";

/** A registry that tells its list, then ends the watch. */
function createRig(...known: readonly WorkerPresence[]) {
  let list = known;
  const heartbeats: MessageInitShape<typeof WorkerHeartbeatSchema>[] = [];
  const workers = createWorkerTable();
  const clock = createManualClock();
  const word = createRegistryWord(clock);
  const control = new AbortController();
  const transport = createRouterTransport(({ service }) =>
    service(RegistryService, {
      async *watchWorkers() {
        yield { workers: [...list], complete: true };
        if (heartbeats.length > 0) yield { heartbeats };
      },
    }),
  );
  const deps = {
    workers,
    word,
    registries: contactsOf(asChannel(transport)),
    clock,
    random: createSeededRandom(1),
    log: silentLog,
  };
  const ended = runRegistryWatch(deps, control.signal);
  return {
    workers,
    word,
    clock,
    know: (...workersKnown: readonly WorkerPresence[]) => {
      list = workersKnown;
    },
    /** What the list is followed by. */
    beat: (...more: typeof heartbeats) => void heartbeats.push(...more),
    stateOf: (workerId: string) => workers.get(workerId)?.presence.state,
    async stop() {
      control.abort();
      await ended;
    },
  };
}

test("the worker table is what the registry tells", async () => {
  const { workers, stop } = createRig(aPresence("w1"), aPresence("w2"));
  await until("both are known", () => workers.all().length === 2);
  await stop();
});

test("while the registry is away, what was known last stands", async () => {
  const { stateOf, stop } = createRig(aPresence("w1"));
  await until("it is known", () => stateOf("w1") === WorkerState.UP);
  await stop();
  expect(stateOf("w1")).toBe(WorkerState.UP);
});

test("a worker that a registry come back does not know is down until it registers", async () => {
  const { stateOf, workers, clock, know, stop } = createRig(aPresence("w1"));
  await until("it is known", () => stateOf("w1") === WorkerState.UP);
  know();
  await clock.advance(2_000);
  await until("it is down", () => stateOf("w1") === WorkerState.DOWN);
  expect(workers.get("w1")).toMatchObject({
    absences: expect.any(Number),
    presence: { reason: "unknown to the registry" },
  });
  know(aPresence("w1"));
  await clock.advance(2_000);
  await until("it is up again", () => stateOf("w1") === WorkerState.UP);
  expect(workers.get("w1")?.absences).toBe(0);
  await stop();
});

test("the registry's word holds from the end of its list until it is out of reach", async () => {
  const { word, clock, stop } = createRig(aPresence("w1"));
  const heard: (number | undefined)[] = [];
  word.subscribe(() => heard.push(word.heardMs()));
  await until("it has told its list", () => heard.length > 0);
  expect(heard).toEqual([0]);
  await until("it is away", () => word.heardMs() === undefined);
  await clock.advance(2_000);
  expect(heard.length).toBeGreaterThan(1);
  expect(word.firstToldMs()).toBe(0);
  await stop();
});

test("a heartbeat changes what is measured of a worker that was told of, and nothing else", async () => {
  const { workers, beat, stop } = createRig(aPresence("w1"));
  const heardTime = toTimestamp(7_000);
  const metrics = create(WorkerMetricsSchema, { sequence: 9n });
  beat({ workerId: "w1", metrics, heardTime }, { workerId: "w2", metrics, heardTime });
  await until("it is heard", () => workers.get("w1")?.presence.metrics?.sequence === 9n);
  expect(workers.get("w1")?.presence).toEqual({ ...aPresence("w1"), metrics, heardTime });
  expect(workers.get("w2")).toBeUndefined();
  await stop();
});
