import { Role } from "../../gen/berth/v1/worker_pb.ts";
import { type Clock, sleepBy, systemClock } from "../../lib/clock.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { silentLog } from "../../lib/log.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { socketWire as wire } from "../../lib/rpc/wire.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import { startManager } from "../../services/manager/manager.ts";
import { startRegistry } from "../../services/registry/registry.ts";
import { createFakeRuntime } from "../../services/worker/fake-runtime.ts";
import { createFakeEngine } from "../../services/worker/fake-runtime-engine.ts";
import { createFakeGlance } from "../../services/worker/fake-runtime-usage.ts";
import { createFakePortProbes, createFakeProbes } from "../../services/worker/prober-fake.ts";
import { createMemoryFolder } from "../../services/worker/state-folder-memory.ts";
import { startWorker } from "../../services/worker/worker.ts";

const listen = "127.0.0.1:0";

const host = {
  ...{ cpuPercent: 1, load1m: 0, load5m: 0, load15m: 0 },
  ...{ memoryTotalBytes: 64 * 2 ** 30, memoryAvailableBytes: 64 * 2 ** 30 },
  ...{ diskTotalBytes: 2 ** 40, diskAvailableBytes: 2 ** 40 },
};

/** A registry, a manager and a worker in this process, over a fake engine and a store in memory. */
export type HttpCluster = Readonly<{
  /** Where each offers its API: `http://host:port`. */
  urls: Readonly<{ manager: string; worker: string; registry: string }>;
  close(): Promise<void>;
}>;

/** A container that takes an hour to stop must not keep the process for as long. */
const after: Clock["after"] = (delayMs, action) => {
  const timer = setTimeout(action, Math.min(delayMs, 2 ** 31 - 1)).unref();
  return () => clearTimeout(timer);
};
const engineClock: Clock = { ...systemClock, after, sleep: sleepBy(after) };

export async function startHttpCluster(): Promise<HttpCluster> {
  const clock = systemClock;
  const engine = createFakeEngine(engineClock);
  const deps = { wire, clock, random: createSeededRandom(1), log: silentLog };
  const registry = await startRegistry({ listen, leaseMs: 120_000, intervalMs: 1_500 }, deps);
  const registryAddress = registry.address;
  const manager = await startManager(
    { listen, registryAddress, defaultScheduler: "spread", leaseMs: 120_000, version: "0.0.0" },
    { ...deps, store: createMemoryStore(), probes: createFakePortProbes(() => [engine]) },
  );
  const worker = await startWorker(
    {
      ...{ listen, registryAddress, hostname: "box", workerId: "w1", labels: {}, capacity: {} },
      ...{ allowHostNetwork: true, roles: [Role.WORKER], version: "0.0.0" },
    },
    {
      ...deps,
      state: createMemoryFolder("w1"),
      runtime: createFakeRuntime(engine),
      probes: createFakeProbes(engine),
      glance: createFakeGlance(engine),
      stats: { measure: async () => host },
    },
  );
  return {
    urls: { manager: urlOf(manager), worker: urlOf(worker), registry: urlOf(registry) },
    async close() {
      for (const each of [worker, manager, registry]) await each.stop();
    },
  };
}

const urlOf = ({ address }: Running) => `http://${address}`;
