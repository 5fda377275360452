import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { migrate } from "../../cli/store-copies.ts";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { openLmdbStore } from "../../lib/store/lmdb-store.ts";
import type { Store } from "../../lib/store/store.ts";
import { startManager } from "../../services/manager/manager.ts";
import { startRegistry } from "../../services/registry/registry.ts";
import { startHollowWorkers } from "../../services/worker/hollow-workers.ts";
import { clientAt, newPrefix, storeOf, surroundings } from "./etcd-rig.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";

const { clock } = surroundings;
const folder = mkdtempSync(join(tmpdir(), "berth-move-"));
const probes = async () => ({ kind: "passed" as const });
const facts = { defaultScheduler: "spread", version: "0.0.0" };

let server: EtcdServer;
beforeAll(async () => {
  server = await startEtcd();
});
afterAll(async () => {
  await server.remove();
  await rm(folder, { recursive: true });
});

const running: Running[] = [];
afterEach(async () => {
  for (const service of running.splice(0).toReversed()) await service.stop();
});

/** A registry, and workers whose containers outlive every manager. Tells where the registry is. */
async function startFleet(): Promise<string> {
  const listen = "127.0.0.1:0";
  const registry = await startRegistry({ listen }, surroundings);
  running.push(registry);
  const registryAddress = registry.address;
  const offer = { labels: {}, capacity: {}, allowHostNetwork: false, roles: [Role.WORKER] };
  const config = { ...offer, version: "0.0.0", registryAddress, listen, count: 4 };
  running.push(await startHollowWorkers({ ...config, idPrefix: "hollow" }, surroundings));
  return registryAddress;
}

/** A manager, its client, and how both end. */
async function startLife(store: Store, registryAddress: string) {
  const config = { ...facts, registryAddress, listen: "127.0.0.1:0" };
  const manager = await startManager(config, { ...surroundings, probes, store });
  const channel = openChannel({ address: manager.address, clock, log: surroundings.log });
  const client = createClient(ManagerService, channel);
  return {
    client,
    async end() {
      channel.close();
      await manager.stop();
      await store.close();
    },
  };
}

type Client = Awaited<ReturnType<typeof startLife>>["client"];

/** How many users submit one task after the other, and how many each. */
const USERS = 6;
const TASKS_EACH = 40;

/** Submits tasks through whatever manager there is. Tells the IDs that were acknowledged. */
function createLoad(client: () => Client | undefined) {
  const acknowledged = new Set<string>();

  async function submit(requestId: string): Promise<void> {
    for (;;) {
      const request = { spec: { image: "web:1" }, requestId };
      const call = client()?.submitTask(request, { timeoutMs: 5_000 });
      const task = await call?.then(
        (response) => response.task,
        () => undefined,
      );
      if (task) return void acknowledged.add(task.id);
      await clock.sleep(10);
    }
  }

  async function use(user: number): Promise<void> {
    for (let n = 0; n < TASKS_EACH; n++) await submit(`user-${user}-${n}`);
  }

  return { acknowledged, done: Promise.all(Array.from({ length: USERS }, (_, user) => use(user))) };
}

/** All tasks, once all of them run. */
async function untilAllRun(client: Client, count: number): Promise<readonly Task[]> {
  const tasks = new Map<string, Task>();
  for await (const { changes } of client.watchTasks({})) {
    for (const { task } of changes) if (task) tasks.set(task.id, task);
    const running = [...tasks.values()].filter(({ state }) => state === TaskState.RUNNING);
    if (running.length === count) return running;
  }
  throw new Error("the watch ended");
}

test("a cluster moves to etcd under load: nothing is lost, nothing is started twice", async () => {
  const registryAddress = await startFleet();
  const first = await startLife(await openLmdbStore({ folder, clock }), registryAddress);
  let client: Client | undefined = first.client;
  const load = createLoad(() => client);
  while (load.acknowledged.size < (USERS * TASKS_EACH) / 2) await clock.sleep(5);
  const { tasks: before, revision } = await first.client.listTasks({ pageSize: 1_000 });
  const { cluster } = await first.client.getCluster({});

  client = undefined;
  await first.end();
  const prefix = newPrefix();
  await migrate(
    { folder, to: { endpoints: [server.endpoint], prefix } },
    { ...surroundings, signal: new AbortController().signal },
  );
  const second = await startLife(await storeOf(await clientAt(server), prefix), registryAddress);
  client = second.client;
  await load.done;

  const after = await untilAllRun(client, USERS * TASKS_EACH);
  expect(after.map(({ id }) => id).sort()).toEqual([...load.acknowledged].sort());
  expect(after.filter(({ attempt }) => attempt?.number !== 1)).toEqual([]);
  const containerOf = ({ attempt }: Task) => attempt?.status?.containerId ?? "";
  const later = new Map(after.map((task) => [task.id, containerOf(task)]));
  const ran = before.filter(({ state }) => state === TaskState.RUNNING);
  expect(ran.length).toBeGreaterThan(0);
  expect(ran.map((task) => later.get(task.id))).toEqual(ran.map(containerOf));
  const found = await client.getCluster({});
  expect(found.cluster?.id).toBe(cluster?.id);
  expect((await client.listTasks({})).revision).toBeGreaterThan(revision);
  await second.end();
});
