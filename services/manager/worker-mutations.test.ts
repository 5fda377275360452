import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import type { UpdateWorkerRequest } from "../../gen/berth/v1/manager_service_pb.ts";
import { WorkerAvailability } from "../../gen/berth/v1/worker_pb.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import type { Store } from "../../lib/store/store.ts";
import { aPresence, START_MS } from "../../test/builders.ts";
import { factsOf } from "./candidates.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const { ACTIVE, PAUSED, DRAINING } = WorkerAvailability;

async function createRig(store?: Store) {
  const clock = createManualClock(START_MS);
  const rig = await createManagerRig({ clock, ...(store && { store }) });
  const update = async (paths: string[], settings: object = {}, requestId = "") => {
    const request = { workerId: "w1", settings, updateMask: { paths }, requestId };
    const { worker } = await rig.client.updateWorker(request as unknown as UpdateWorkerRequest);
    return worker?.settings;
  };
  return {
    ...rig,
    clock,
    update,
    join() {
      rig.workers.setPresence(aPresence("w1"));
      rig.workers.setLinked("w1", true);
    },
  };
}

const facts = ({ workers }: Awaited<ReturnType<typeof createRig>>) => {
  const worker = workers.get("w1");
  return worker && factsOf(worker, worker.presence.metrics);
};

test("a worker about which nobody decided anything is active", async () => {
  const { client, join } = await createRig();
  join();
  const { worker } = await client.getWorker({ workerId: "w1" });
  expect(worker?.settings?.availability).toBe(ACTIVE);
  expect(worker?.drain).toBeUndefined();
});

test("changes what the mask names, and nothing else", async () => {
  const { update, join } = await createRig();
  join();
  await update(["reason", "labels"], { reason: "disk", labels: { zone: "a", "a-b": "1" } });
  const after = await update(["availability"], { availability: PAUSED, reason: "not named" });
  expect(after).toMatchObject({
    availability: PAUSED,
    reason: "disk",
    labels: { zone: "a", "a-b": "1" },
    updateTime: { seconds: BigInt(START_MS / 1000) },
  });
});

test("one label is set or taken away by its key", async () => {
  const { update, join } = await createRig();
  join();
  await update(["labels"], { labels: { zone: "a", "a-b": "1" } });
  const after = await update(["labels.`a-b`", "labels.tier"], { labels: { tier: "2" } });
  expect(after?.labels).toEqual({ zone: "a", tier: "2" });
});

test("a star sets everything, so what is absent goes back to its default", async () => {
  const { update, join } = await createRig();
  join();
  await update(["reason", "drain_timeout"], { reason: "disk", drainTimeout: { seconds: 60n } });
  const after = await update(["*"], { availability: ACTIVE });
  expect(after).toMatchObject({ availability: ACTIVE, reason: "" });
  expect(after?.drainTimeout).toBeUndefined();
});

describe("refuses", () => {
  test.each<[string, string[], object]>([
    ["update_mask", [], { reason: "x" }],
    ["update_mask", ["colour"], {}],
    ["update_mask", ["update_time"], {}],
    ["settings.availability", ["availability"], {}],
    ["settings.availability", ["availability"], { availability: 7 }],
    ["settings.reason", ["reason"], { reason: "x".repeat(257) }],
    ["settings.labels", ["labels"], { labels: { A: "" } }],
    ["settings.drain_timeout", ["drain_timeout"], { drainTimeout: { seconds: -1n } }],
    ["settings.drain_timeout", ["drain_timeout"], { drainTimeout: { seconds: 2_592_001n } }],
    [
      "settings.cpu_overcommit_percent",
      ["cpu_overcommit_percent"],
      { cpuOvercommitPercent: 1_001 },
    ],
    ["settings.cpu_overcommit_percent", ["*"], { availability: ACTIVE, cpuOvercommitPercent: 99 }],
    [
      "settings.memory_overcommit_percent",
      ["memory_overcommit_percent"],
      { memoryOvercommitPercent: 401 },
    ],
  ])("%s: %j", async (field, paths, settings) => {
    const { update, join } = await createRig();
    join();
    await expect(update(paths, settings)).rejects.toMatchObject({
      code: Code.InvalidArgument,
      rawMessage: expect.stringContaining(field),
    });
  });

  test("a worker that was never seen", async () => {
    const { update } = await createRig();
    await expect(update(["reason"])).rejects.toMatchObject({ code: Code.NotFound });
  });
});

test("what was decided outlives the manager, and the worker's absence", async () => {
  const first = await createRig();
  first.join();
  await first.update(["availability", "reason"], { availability: PAUSED, reason: "disk" });
  const second = await createRig(first.store);
  const { worker } = await second.client.getWorker({ workerId: "w1" });
  expect(worker).toMatchObject({ id: "w1", linked: false, settings: { availability: PAUSED } });
  expect((await second.client.listWorkers({})).workers.map(({ id }) => id)).toEqual(["w1"]);
  second.join();
  expect(facts(second)).toMatchObject({ ready: false, notReadyReason: "paused: disk" });
});

test("a repeated request changes nothing, also after a restart", async () => {
  const first = await createRig();
  first.join();
  await first.update(["reason"], { reason: "one" }, "r1");
  await first.update(["reason"], { reason: "two" });
  const second = await createRig(first.store);
  expect(await second.update(["reason"], { reason: "one" }, "r1")).toMatchObject({ reason: "two" });
  await expect(second.update(["reason"], { reason: "three" }, "r1")).rejects.toMatchObject({
    code: Code.InvalidArgument,
  });
});

test("a draining worker takes nothing new and says how far it has come", async () => {
  const rig = await createRig();
  rig.join();
  await rig.update(["availability", "drain_timeout"], {
    availability: DRAINING,
    drainTimeout: { seconds: 60n },
  });
  expect(facts(rig)).toMatchObject({ ready: false, notReadyReason: "draining" });
  await rig.clock.advance(5_000);
  await rig.update(["reason"], { reason: "later" });
  const { worker } = await rig.client.getWorker({ workerId: "w1" });
  expect(worker?.drain).toMatchObject({
    remainingCount: 0,
    deadlineTime: { seconds: BigInt(START_MS / 1000 + 60) },
  });
  await rig.update(["availability"], { availability: ACTIVE });
  expect(facts(rig)).toMatchObject({ ready: true });
});
