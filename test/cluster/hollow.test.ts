import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { silentLog } from "../../lib/log.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { socketWire } from "../../lib/rpc/wire.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import { startManager } from "../../services/manager/manager.ts";
import { startRegistry } from "../../services/registry/registry.ts";
import { startHollowWorkers } from "../../services/worker/hollow-workers.ts";

const COUNT = 12;
const rpc = { clock: systemClock, log: silentLog };
const deps = { ...rpc, wire: socketWire, random: createSeededRandom(1) };
const probes = async () => ({ kind: "passed" as const });

let registry: Running;
let manager: Running;
const running: Running[] = [];

beforeEach(async () => {
  registry = await startRegistry({ listen: "127.0.0.1:0" }, deps);
  const facts = { defaultScheduler: "spread", version: "0.0.0", registryAddress: registry.address };
  const store = createMemoryStore({});
  manager = await startManager({ ...facts, listen: "127.0.0.1:0" }, { ...deps, probes, store });
  running.push(registry, manager);
});
afterEach(async () => {
  for (const service of running.splice(0).toReversed()) await service.stop();
});

async function startHollow(listen = "127.0.0.1:7072"): Promise<Running> {
  const offer = { labels: {}, capacity: {}, allowHostNetwork: false, roles: [Role.WORKER] };
  const facts = { ...offer, version: "0.0.0", registryAddress: registry.address };
  const workers = await startHollowWorkers(
    { ...facts, listen, count: COUNT, idPrefix: "hollow" },
    deps,
  );
  running.push(workers);
  return workers;
}

test("hollow workers run a cluster's tasks, each in its own name and on its own port", async () => {
  await startHollow();
  const channel = openChannel({ ...rpc, address: manager.address });
  const client = createClient(ManagerService, channel);
  const requests = Array.from({ length: 3 * COUNT }, () => ({
    spec: { image: "fake:after-50.exit-0" },
  }));
  await client.submitTasks({ requests });
  const ended = new Map<string, Task>();
  for await (const { changes } of client.watchTasks({})) {
    for (const { task } of changes)
      if (task?.state === TaskState.COMPLETED) ended.set(task.id, task);
    if (ended.size === requests.length) break;
  }
  const { workers } = await client.listWorkers({});
  channel.close();
  const ids = workers.map(({ presence }) => presence?.workerId);
  expect(ids).toEqual(
    Array.from({ length: COUNT }, (_, i) => `hollow-${String(i + 1).padStart(4, "0")}`),
  );
  const addresses = workers.map(({ presence }) => presence?.description?.address);
  expect(new Set(addresses).size).toBe(COUNT);
  const used = [...ended.values()].map(({ attempt }) => attempt?.placement?.workerId ?? "");
  for (const id of used) expect(ids).toContain(id);
});

test("when one cannot start, none does", async () => {
  await expect(startHollow("192.0.2.1:0")).rejects.toThrow(/cannot listen on 192\.0\.2\.1:0/);
});
