import { createRouterTransport, type ServiceImpl, type Transport } from "@connectrpc/connect";
import { LEASE_MS_DEFAULT } from "../../../core/limits.ts";
import { SCHEDULER_NAMES } from "../../../core/placement/schedulers.ts";
import { ManagerService } from "../../../gen/berth/v1/manager_service_pb.ts";
import { type Clock, systemClock } from "../../../lib/clock.ts";
import { silentLog } from "../../../lib/log.ts";
import { createSeededRandom } from "../../../lib/random.ts";
import { type Channel, openChannel } from "../../../lib/rpc/channel.ts";
import { createClient } from "../../../lib/rpc/client.ts";
import { startRpcServer } from "../../../lib/rpc/server.ts";
import { mountService } from "../../../lib/rpc/service-mount.ts";
import { refuseUnknownFields } from "../../../lib/rpc/unknown-fields.ts";
import { createMemoryStore } from "../../../lib/store/memory-store.ts";
import type { Store } from "../../../lib/store/store.ts";
import { createCrashReporter } from "../crash-reporter.ts";
import { createDrains } from "../drains.ts";
import { createHandlers } from "../handlers.ts";
import { openLedger } from "../ledger.ts";
import { createMeters } from "../meters.ts";
import { createNamesakes } from "../namesakes.ts";
import { createObserver } from "../observer.ts";
import { createPlacementBoard } from "../placement-board.ts";
import { createTaskIds } from "../task-id.ts";
import { createTaskMutations } from "../task-mutations.ts";
import { createWorkerLines } from "../worker-lines.ts";
import { followRecords } from "../worker-mutations.ts";
import { createWorkerTable } from "../worker-table.ts";

/** A transport that stands for a channel: nothing to close. */
export const asChannel = (transport: Transport, address = "memory"): Channel => ({
  ...transport,
  address,
  close: () => undefined,
});

type Options = Readonly<{
  store?: Store;
  clock?: Clock;
  connect?: (address: string) => Channel;
  /** How the client reaches the handlers. Default: in memory. */
  wire?: WireName;
}>;

/** The ways a client can go. Who takes `grpc` closes the rig. */
export type WireName = "memory" | "grpc";

type Handlers = ServiceImpl<typeof ManagerService>;

type Wire = Readonly<{ transport: Transport; close: () => Promise<void> }>;

async function openWire(name: WireName, handlers: Handlers): Promise<Wire> {
  if (name === "memory") {
    const transport = createRouterTransport((router) => router.service(ManagerService, handlers));
    return { transport, close: async () => undefined };
  }
  const server = await startRpcServer({
    listen: "127.0.0.1:0",
    mounts: [mountService(ManagerService, handlers)],
    interceptors: [refuseUnknownFields],
    clock: systemClock,
    log: silentLog,
  });
  const channel = openChannel({ address: server.address, clock: systemClock, log: silentLog });
  const close = async () => {
    channel.close();
    await server.stop(0);
  };
  return { transport: channel, close };
}

/** A manager's parts without its loops and without a network. */
export async function createManagerRig(options: Options = {}) {
  const store = options.store ?? createMemoryStore();
  const clock = options.clock ?? systemClock;
  const random = createSeededRandom(1);
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => void failures.push(error);
  const ledger = await openLedger({ store, clock, random, onFailure });
  const workers = createWorkerTable();
  followRecords(ledger, workers);
  const board = createPlacementBoard(ledger);
  const mutations = createTaskMutations({
    ledger,
    board,
    clock,
    nextId: createTaskIds(clock, random),
    schedulers: SCHEDULER_NAMES,
    defaultScheduler: "spread",
  });
  const unreachable = (): Channel => {
    throw new Error("this test has no worker to connect to");
  };
  const connect = options.connect ?? unreachable;
  const names = { version: "test", defaultScheduler: "spread" };
  const facts = { ...names, startMs: clock.now(), leader: () => "" };
  const drains = createDrains();
  const lines = createWorkerLines({ workers, connect });
  const namesakes = createNamesakes({ ledger, clock });
  const reporter = createCrashReporter({ ledger, store, lines, namesakes, clock });
  const handlers = createHandlers({
    ...{ ledger, store, workers, mutations, board, drains, reporter },
    ...{ facts, clock, log: silentLog, connect },
  });
  const { transport, close } = await openWire(options.wire ?? "memory", handlers);
  return {
    close,
    store,
    clock,
    random,
    log: silentLog,
    leaseMs: LEASE_MS_DEFAULT,
    ledger,
    workers,
    board,
    meters: createMeters(),
    drains,
    reporter,
    handlers,
    failures,
    observer: createObserver({ ledger, clock, random, log: silentLog }),
    client: createClient(ManagerService, transport),
  };
}
