import type { ManagerConfig, ServiceDeps, Services, WorkerConfig } from "./services.ts";

/** Loads the services' code, and joins each to the engine, the disk and the store it needs. */
export async function loadServices(): Promise<Services> {
  const [{ createLog }, { startRegistry }] = await Promise.all([
    import("../lib/log.ts"),
    import("../services/registry/registry.ts"),
  ]);
  return {
    createLog,
    startRegistry,
    startManager: startStoredManager,
    startWorker: startDockerWorker,
  };
}

async function startStoredManager({ storeFolder, ...config }: ManagerConfig, deps: ServiceDeps) {
  const [{ startManager }, { openLmdbStore }] = await Promise.all([
    import("../services/manager/manager.ts"),
    import("../lib/store/lmdb-store.ts"),
  ]);
  const store = await openLmdbStore({ folder: storeFolder, clock: deps.clock });
  const running = await startManager(config, { ...deps, store }).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  return {
    ...running,
    async stop() {
      await running.stop();
      await store.close();
    },
  };
}

async function startDockerWorker(
  { dockerHost, publishAddress, ...config }: WorkerConfig,
  { clock, random, log }: ServiceDeps,
) {
  const [{ startWorker }, { createDockerRuntime }, { engineSocketPath }, { createStats }] =
    await Promise.all([
      import("../services/worker/worker.ts"),
      import("../services/worker/docker-runtime.ts"),
      import("../services/worker/engine-socket.ts"),
      import("../services/worker/stats.ts"),
    ]);
  const socketPath = engineSocketPath(dockerHost);
  const runtime = createDockerRuntime({ socketPath, clock, log, publishAddress });
  const stats = createStats({ runtime, clock });
  return startWorker(config, { runtime, stats, clock, random, log });
}
