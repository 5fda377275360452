import { LEASE_MS_DEFAULT } from "../../core/limits.ts";
import { SCHEDULER_NAMES } from "../../core/placement/schedulers.ts";
import { RETENTION_DEFAULT, type Retention } from "../../core/retention.ts";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { assert } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Running } from "../../lib/lifecycle.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import type { NetworkCheck } from "../../lib/rpc/network-check.ts";
import { mountService } from "../../lib/rpc/service-mount.ts";
import { refuseUnknownFields } from "../../lib/rpc/unknown-fields.ts";
import type { Wire } from "../../lib/rpc/wire.ts";
import { createStop } from "../../lib/stop.ts";
import type { Store } from "../../lib/store/store.ts";
import { runDeadlines } from "./deadline-loop.ts";
import { runDrainLoop } from "./drain-loop.ts";
import { createDrains } from "./drains.ts";
import { runEventSweeper } from "./event-log.ts";
import { runEventTrimmer } from "./event-trimmer.ts";
import { createHandlers } from "./handlers.ts";
import { type Ledger, openLedger } from "./ledger.ts";
import { createObserver } from "./observer.ts";
import { createPlacementBoard, type PlacementBoard } from "./placement-board.ts";
import { runProber } from "./prober.ts";
import { runRegistryWatch } from "./registry-watch.ts";
import { createRegistryWord } from "./registry-word.ts";
import { runRetention } from "./retention.ts";
import { runSchedulerLoop } from "./scheduler-loop.ts";
import { createTaskIds } from "./task-id.ts";
import { createTaskMutations } from "./task-mutations.ts";
import { runWorkerLinks } from "./worker-links.ts";
import { runWorkerLoss } from "./worker-loss-loop.ts";
import { followRecords } from "./worker-mutations.ts";
import { createWorkerTable, type WorkerTable } from "./worker-table.ts";

export type ManagerConfig = Readonly<{
  /** `host:port` to serve on; port 0 takes any free one. */
  listen: string;
  registryAddress: string;
  /** Name of the scheduler for tasks that name none. */
  defaultScheduler: string;
  version: string;
  /** How long the registry counts a silent worker as up. Absent: `LEASE_MS_DEFAULT`. */
  leaseMs?: number;
  /** Absent: `RETENTION_DEFAULT`. */
  retention?: Retention;
}>;

export type ManagerDeps = Readonly<{
  wire: Wire;
  store: Store;
  /** How published ports are asked for a task's health. */
  probes: NetworkCheck;
  clock: Clock;
  random: Random;
  log: Log;
}>;

/** How long calls under way may take to finish when the manager stops. */
const STOP_GRACE_MS = 5_000;

/** Starts a manager: opens the ledger, serves, then runs its loops. They meet in the ledger only. */
export async function startManager(config: ManagerConfig, deps: ManagerDeps): Promise<Running> {
  const { wire, store, clock, random, log } = deps;
  const failure = createFailure();
  const ledger = await openLedger({ store, clock, random, onFailure: failure.raise });
  const workers = createWorkerTable();
  followRecords(ledger, workers);
  const board = createPlacementBoard(ledger);
  const connect = (address: string) => wire.connect({ address, clock, log });
  const { defaultScheduler, version } = config;
  assert(SCHEDULER_NAMES.includes(defaultScheduler), `there is a scheduler ${defaultScheduler}`);
  const names = { schedulers: SCHEDULER_NAMES, defaultScheduler };
  const nextId = createTaskIds(clock, random);
  const mutations = createTaskMutations({ ledger, board, clock, nextId, ...names });
  const facts = { version, defaultScheduler, startMs: clock.now() };
  const drains = createDrains();
  const handlers = createHandlers({
    ...{ ledger, store, workers, mutations, board, drains },
    ...{ facts, clock, log, connect },
  });
  const server = await wire.serve({
    listen: config.listen,
    mounts: [mountService(ManagerService, handlers)],
    interceptors: [refuseUnknownFields],
    clock,
    log,
  });

  const stopping = createStop();
  const parts = { ...deps, ledger, workers, board, drains, connect };
  const loops = runLoops(parts, config, stopping.signal);
  log.info({ address: server.address, epoch: String(ledger.epoch) }, "manager started");

  return {
    address: server.address,
    ended: Promise.race([loops, failure.raised]),
    async stop() {
      await server.stop(STOP_GRACE_MS);
      stopping.abort();
      await loops;
      await ledger.settled();
    },
  };
}

type Parts = ManagerDeps &
  Readonly<{
    ledger: Ledger;
    workers: WorkerTable;
    board: PlacementBoard;
    drains: ReturnType<typeof createDrains>;
    connect: (address: string) => Channel;
  }>;

/** Runs all loops until `signal` aborts. None knows of another. */
async function runLoops(parts: Parts, config: ManagerConfig, signal: AbortSignal): Promise<void> {
  const { retention = RETENTION_DEFAULT, leaseMs = LEASE_MS_DEFAULT, registryAddress } = config;
  const { workers, connect, clock, probes: ask } = parts;
  const watched = { ...parts, observer: createObserver(parts), word: createRegistryWord(clock) };
  await Promise.all([
    runSchedulerLoop({ ...watched, leaseMs }, signal),
    runDrainLoop(watched, signal),
    runDeadlines(watched, signal),
    runWorkerLinks(workers, watched, signal),
    runWorkerLoss({ ...watched, leaseMs }, signal),
    runRegistryWatch({ ...watched, connect: () => connect(registryAddress) }, signal),
    runProber({ ...watched, ask }, signal),
    runEventSweeper(watched, signal),
    runEventTrimmer(watched, retention, signal),
    runRetention(watched, retention, signal),
  ]);
}

/** Where a part that cannot go on says so. */
function createFailure() {
  let raise: (error: unknown) => void = () => undefined;
  const raised = new Promise<never>((_, reject) => {
    raise = reject;
  });
  return { raised, raise: (error: unknown) => raise(error) };
}
