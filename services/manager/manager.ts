import type { Retention } from "../../core/retention.ts";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Running } from "../../lib/lifecycle.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { createCallMeter } from "../../lib/rpc/call-meter.ts";
import type { NetworkCheck } from "../../lib/rpc/network-check.ts";
import { mountService } from "../../lib/rpc/service-mount.ts";
import { refuseUnknownFields } from "../../lib/rpc/unknown-fields.ts";
import type { Wire } from "../../lib/rpc/wire.ts";
import { createStop } from "../../lib/stop.ts";
import { meteredStore } from "../../lib/store/metered-store.ts";
import type { Store } from "../../lib/store/store.ts";
import type { Tracer } from "../../lib/trace/tracer.ts";
import { managerApi } from "./http-api.ts";
import { openLedger } from "./ledger.ts";
import { managerPages } from "./manager-pages.ts";
import { createMeters } from "./meters.ts";
import { createTerm } from "./term.ts";

export type ManagerConfig = Readonly<{
  /** `host:port` to serve on; port 0 takes any free one. */
  listen: string;
  /** The registries, as `parseAddressList` reads them. */
  registryAddress: string;
  /** Name of the scheduler for tasks that name none. */
  defaultScheduler: string;
  version: string;
  /** How long the registry counts a silent worker as up. Absent: `LEASE_MS_DEFAULT`. */
  leaseMs?: number;
  /** Origins whose pages may call from a browser. Absent: none but the manager's own. */
  corsOrigins?: readonly string[];
  /** Absent: `RETENTION_DEFAULT`. */
  retention?: Retention;
}>;

export type ManagerDeps = Readonly<{
  wire: Wire;
  store: Store;
  /** How published ports are asked for a task's health. */
  probes: NetworkCheck;
  /** Absent: nothing is traced. */
  tracer?: Tracer | undefined;
  clock: Clock;
  random: Random;
  log: Log;
}>;

/** How long calls under way may take to finish when the manager stops. */
export const STOP_GRACE_MS = 5_000;

/**
 * Starts a manager whose store is its own: opens the ledger, serves, then runs its loops. They meet in
 * the ledger only.
 */
export async function startManager(config: ManagerConfig, given: ManagerDeps): Promise<Running> {
  const tracer = given.tracer?.of("manager");
  const deps = { ...given, tracer };
  const { wire, clock, random, log } = deps;
  const [meters, calls] = [createMeters(), createCallMeter()];
  const store = meteredStore(deps.store, meters.commitSeconds, clock);
  const failure = createFailure();
  const ledger = await openLedger({ store, clock, random, onFailure: failure.raise });
  const connect = (address: string) => wire.connect({ address, clock, log });
  const term = createTerm({ ledger, store, config, startMs: clock.now(), meters, connect }, deps);
  const server = await wire.serve({
    listen: config.listen,
    mounts: [mountService(ManagerService, term.handlers)],
    interceptors: [refuseUnknownFields],
    api: managerApi(config.version),
    pages: managerPages(config, { view: () => term.view, meters, calls, tracer, clock, log }),
    meter: calls,
    tracer,
    corsOrigins: config.corsOrigins ?? [],
    clock,
    log,
  });

  const stopping = createStop();
  const loops = term.run(stopping.signal);
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

/** Where a part that cannot go on says so. */
function createFailure() {
  let raise: (error: unknown) => void = () => undefined;
  const raised = new Promise<never>((_, reject) => {
    raise = reject;
  });
  return { raised, raise: (error: unknown) => raise(error) };
}
