import { readFile, statfs } from "node:fs/promises";
import { hostname } from "node:os";
import type { FolderLock } from "../lib/folder-lock.ts";
import type { Running } from "../lib/lifecycle.ts";
import type { EtcdPlace } from "../lib/store/etcd-place.ts";
import type {
  ManagerConfig,
  ServiceDeps,
  Services,
  SharedManagerConfig,
  TracePlace,
  Tracing,
  WorkerConfig,
} from "./services.ts";

/** Loads the services' code, and joins each to the engine, the disk and the store it needs. */
export async function loadServices(): Promise<Services> {
  const [
    { createLog },
    { guardTurns },
    { keepHeapSmall },
    { startRegistry },
    { socketWire },
    { socketDns },
  ] = await Promise.all([
    import("../lib/pino-log.ts"),
    import("../lib/turn-guard.ts"),
    import("../lib/heap-growth.ts"),
    import("../services/registry/registry.ts"),
    import("../lib/rpc/wire.ts"),
    import("../lib/dns/dns-server.ts"),
  ]);
  const edges = { wire: socketWire, dns: socketDns };
  return {
    createLog,
    guardTurns,
    keepHeapSmall,
    openTracing,
    startRegistry: (config, deps) => startRegistry(config, { ...deps, ...edges }),
    startManager: startStoredManager,
    startSharedManager: startEtcdManager,
    startWorker: startDockerWorker,
    async startHollowWorkers({ store, ...config }, deps) {
      const { startHollowWorkers } = await import("../services/worker/hollow-workers.ts");
      const openView = viewOpener(store, deps);
      return startHollowWorkers(config, { ...deps, wire: socketWire, openView });
    },
  };
}

async function openTracing(
  { ratio, resource, ...place }: TracePlace,
  deps: ServiceDeps,
): Promise<Tracing> {
  const [{ createOtlpExporter }, { createOtlpPost }, { createTracer }] = await Promise.all([
    import("../lib/trace/otlp-exporter.ts"),
    import("../lib/trace/otlp-post.ts"),
    import("../lib/trace/tracer.ts"),
  ]);
  const sink = createOtlpExporter({ ...deps, resource, post: createOtlpPost(place) });
  return { tracer: createTracer({ ...deps, sink, ratio }), close: sink.close };
}

async function startStoredManager({ storeFolder, ...config }: ManagerConfig, deps: ServiceDeps) {
  const [{ startManager }, { openLmdbStore }, { socketWire }, { createNetworkCheck }] =
    await Promise.all([
      import("../services/manager/manager.ts"),
      import("../lib/store/lmdb-store.ts"),
      import("../lib/rpc/wire.ts"),
      import("../lib/rpc/network-check.ts"),
    ]);
  const { clock } = deps;
  const wire = socketWire;
  const probes = createNetworkCheck(clock);
  let onFailure: (error: Error) => void = () => undefined;
  const storeFailed = new Promise<Error>((resolve) => {
    onFailure = resolve;
  });
  const store = await openLmdbStore({ folder: storeFolder, clock, onFailure });
  const running = await startManager(config, { ...deps, wire, store, probes }).catch(
    async (error: unknown) => {
      await store.close();
      throw error;
    },
  );
  return {
    address: running.address,
    ended: Promise.race([running.ended, storeFailed.then((error) => Promise.reject(error))]),
    async stop() {
      await running.stop();
      await store.close();
    },
  };
}

/** For how long a manager that leads and falls silent keeps the others out: the least that etcd takes. */
const LEADER_LEASE_MS = 2_000;

async function startEtcdManager({ place, ...config }: SharedManagerConfig, deps: ServiceDeps) {
  const [
    { startSharedManager },
    { openEtcdClient },
    { openEtcdSharedStore },
    { socketWire: wire },
    { createNetworkCheck },
  ] = await Promise.all([
    import("../services/manager/shared-manager.ts"),
    import("../lib/store/etcd/etcd-client.ts"),
    import("../lib/store/etcd-shared-store.ts"),
    import("../lib/rpc/wire.ts"),
    import("../lib/rpc/network-check.ts"),
  ]);
  const client = await openEtcdClient({ ...place, ...deps, wire });
  const lease = { prefix: place.prefix, ttlMs: LEADER_LEASE_MS };
  const shared = await openEtcdSharedStore({ ...deps, ...lease, client });
  const probes = createNetworkCheck(deps.clock);
  const started = startSharedManager(config, { ...deps, wire, shared, probes });
  const running = await started.catch(async (error: unknown) => {
    await shared.close();
    throw error;
  });
  return {
    ...running,
    async stop() {
      await running.stop();
      await shared.close();
    },
  };
}

/** How a worker looks into the managers' store. It connects when it does, and not before. */
function viewOpener(place: EtcdPlace | undefined, deps: ServiceDeps) {
  if (!place) return undefined;
  return async () => {
    const [{ openEtcdClient }, { createEtcdView }, { socketWire: wire }] = await Promise.all([
      import("../lib/store/etcd/etcd-client.ts"),
      import("../lib/store/etcd-view.ts"),
      import("../lib/rpc/wire.ts"),
    ]);
    const client = await openEtcdClient({ ...place, ...deps, wire });
    return createEtcdView({ client, prefix: place.prefix });
  };
}

/** A service that holds its folder for as long as it runs. */
async function startLocked(lock: FolderLock, start: () => Promise<Running>): Promise<Running> {
  try {
    const running = await start();
    return {
      ...running,
      async stop() {
        await running.stop();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Where Linux tells of the machine. */
const PROC_ROOT = "/proc";

async function startDockerWorker(
  { dockerHost, publishAddress, containerDns: dns, stateFolder, store, ...config }: WorkerConfig,
  { clock, random, log, tracer }: ServiceDeps,
) {
  const [
    { socketWire },
    { startWorker },
    { lockStateFolder, openStateFolder },
    { createDockerRuntime },
    { engineSocketPath },
    { createStats },
    { createProbeCalls },
    { createNetworkCheck },
  ] = await Promise.all([
    import("../lib/rpc/wire.ts"),
    import("../services/worker/worker.ts"),
    import("../services/worker/state-folder-disk.ts"),
    import("../services/worker/docker-runtime.ts"),
    import("../services/worker/engine-socket.ts"),
    import("../services/worker/stats.ts"),
    import("../services/worker/prober-calls.ts"),
    import("../lib/rpc/network-check.ts"),
  ]);
  const socketPath = engineSocketPath(dockerHost);
  const runtime = createDockerRuntime({ socketPath, clock, log, publishAddress, dns });
  const { dataRoot } = await runtime.describe();
  const stats = createStats({
    procRoot: PROC_ROOT,
    diskPath: dataRoot,
    clock,
    readFile: (path) => readFile(path, "utf8"),
    statfs,
  });
  const state = await openStateFolder(stateFolder);
  const facts = { ...config, hostname: hostname() };
  const probes = createProbeCalls({ network: createNetworkCheck(clock), exec: runtime.tryCommand });
  const openView = viewOpener(store, { clock, random, log });
  const { glance } = runtime;
  const outside = { wire: socketWire, state, runtime, probes, glance, stats, openView };
  const deps = { ...outside, tracer, clock, random, log };
  const lock = await lockStateFolder(stateFolder);
  return startLocked(lock, () => startWorker(facts, deps));
}
