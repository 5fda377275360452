import type { ServiceImpl } from "@connectrpc/connect";
import { LEASE_MS_DEFAULT } from "../../core/limits.ts";
import { SCHEDULER_NAMES } from "../../core/placement/schedulers.ts";
import { RETENTION_DEFAULT } from "../../core/retention.ts";
import type { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { assert } from "../../lib/assert.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import { createContacts } from "../../lib/rpc/contacts.ts";
import type { Store } from "../../lib/store/store.ts";
import { runCrashLoop } from "./crash-loop.ts";
import { type CrashReporter, createCrashReporter } from "./crash-reporter.ts";
import { runDeadlines } from "./deadline-loop.ts";
import { runDrainLoop } from "./drain-loop.ts";
import { createDrains } from "./drains.ts";
import { runEventTrimmer } from "./event-trimmer.ts";
import { createHandlers } from "./handlers.ts";
import { runHistoryKeeper } from "./history-keeper.ts";
import type { Ledger } from "./ledger.ts";
import type { ManagerConfig, ManagerDeps } from "./manager.ts";
import type { ManagerView } from "./manager-metrics.ts";
import type { Meters } from "./meters.ts";
import { createNamesakes } from "./namesakes.ts";
import { createObserver } from "./observer.ts";
import { createPlacementBoard, type PlacementBoard } from "./placement-board.ts";
import { createPlacementTeller } from "./placement-spans.ts";
import { runProber } from "./prober.ts";
import { runRegistryWatch } from "./registry-watch.ts";
import { createRegistryWord } from "./registry-word.ts";
import { runRetention } from "./retention.ts";
import { runSchedulerLoop } from "./scheduler-loop.ts";
import { createTaskIds } from "./task-id.ts";
import { createTaskMutations } from "./task-mutations.ts";
import { runWorkerHistory } from "./worker-history.ts";
import { createWorkerLines } from "./worker-lines.ts";
import { runWorkerLinks } from "./worker-links.ts";
import { runWorkerLoss } from "./worker-loss-loop.ts";
import { followRecords } from "./worker-mutations.ts";
import { createWorkerTable, type WorkerTable } from "./worker-table.ts";

/** One leadership: all that decides, pushes and answers over one ledger. */
export type Term = Readonly<{
  handlers: ServiceImpl<typeof ManagerService>;
  view: ManagerView;
  /** Runs all loops until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}>;

type Options = Readonly<{
  ledger: Ledger;
  store: Store;
  config: ManagerConfig;
  startMs: number;
  /** The name of this manager where it is one of several. */
  leader?: string;
  meters: Meters;
  /** A channel to a worker or to the registry. */
  connect: (address: string) => Channel;
}>;

export function createTerm(
  { ledger, store, config, startMs, leader = "", meters, connect }: Options,
  deps: Omit<ManagerDeps, "store">,
): Term {
  const { clock, random, tracer } = deps;
  const { defaultScheduler, version } = config;
  assert(SCHEDULER_NAMES.includes(defaultScheduler), `there is a scheduler ${defaultScheduler}`);
  const workers = createWorkerTable();
  followRecords(ledger, workers);
  ledger.subscribe(meters.note);
  if (tracer) ledger.subscribe(createPlacementTeller(tracer, clock));
  const board = createPlacementBoard(ledger);
  const names = { schedulers: SCHEDULER_NAMES, defaultScheduler };
  const nextId = createTaskIds(clock, random, latestId(ledger));
  const mutations = createTaskMutations({ ledger, board, clock, nextId, ...names });
  const drains = createDrains();
  const lines = createWorkerLines({ workers, connect });
  const namesakes = createNamesakes({ ledger, clock });
  const reporter = createCrashReporter({ ledger, store, lines, namesakes, clock });
  const parts = { ...deps, ledger, store, workers, board, drains, reporter, meters, connect };
  const facts = { version, defaultScheduler, startMs, leader: () => leader };
  return {
    handlers: createHandlers({ ...parts, mutations, facts }),
    view: { ledger, workers, board },
    run: (signal) => runLoops(parts, config, signal),
  };
}

function latestId({ tasks }: Ledger): string {
  let latest = "";
  for (const { id } of tasks.sketches()) if (id > latest) latest = id;
  return latest;
}

type Parts = ManagerDeps &
  Readonly<{
    ledger: Ledger;
    workers: WorkerTable;
    board: PlacementBoard;
    meters: Meters;
    drains: ReturnType<typeof createDrains>;
    reporter: CrashReporter;
    connect: (address: string) => Channel;
  }>;

/** Runs all loops until `signal` aborts. None knows of another. */
async function runLoops(parts: Parts, config: ManagerConfig, signal: AbortSignal): Promise<void> {
  const { retention = RETENTION_DEFAULT, leaseMs = LEASE_MS_DEFAULT, registryAddress } = config;
  const { workers, clock, probes: ask } = parts;
  const watched = { ...parts, observer: createObserver(parts), word: createRegistryWord(clock) };
  await Promise.all([
    runSchedulerLoop({ ...watched, leaseMs }, signal),
    runDrainLoop(watched, signal),
    runCrashLoop(watched, signal),
    runDeadlines(watched, signal),
    runWorkerLinks(workers, watched, signal),
    runWorkerLoss({ ...watched, leaseMs }, signal),
    runRegistryWatch({ ...watched, registries: createContacts(registryAddress, parts) }, signal),
    runProber({ ...watched, ask }, signal),
    runHistoryKeeper(watched, retention, signal),
    runEventTrimmer(watched, retention, signal),
    runRetention(watched, retention, signal),
    runWorkerHistory(watched, signal),
  ]);
}
