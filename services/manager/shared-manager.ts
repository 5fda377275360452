import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { unavailable } from "../../lib/errors.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { backoffMs } from "../../lib/retry.ts";
import { createCallMeter } from "../../lib/rpc/call-meter.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import { mountService } from "../../lib/rpc/service-mount.ts";
import { refuseUnknownFields } from "../../lib/rpc/unknown-fields.ts";
import { createStop } from "../../lib/stop.ts";
import type { Reign } from "../../lib/store/shared-store.ts";
import { CompactedError } from "../../lib/store/store.ts";
import { inAnyWeather, isOutOfReach } from "../../lib/store/weather.ts";
import { createFront } from "./front.ts";
import { managerApi } from "./http-api.ts";
import { type Leadership, lead } from "./lead.ts";
import { beginEpoch, loadState, type NewEpoch } from "./ledger-load.ts";
import type { LedgerState } from "./ledger-state.ts";
import { type ManagerConfig, STOP_GRACE_MS } from "./manager.ts";
import { managerPages } from "./manager-pages.ts";
import { createMeters, type Meters } from "./meters.ts";
import { createRoles, type Roles } from "./role.ts";
import { type Standby, type StandbyDeps, startStandby } from "./standby.ts";

export type SharedManagerConfig = ManagerConfig &
  Readonly<{
    /** Where other managers reach this one. Absent: where it listens. */
    advertise: string | undefined;
  }>;

/** Everything that the turns of one manager have in common. */
export type Turns = StandbyDeps &
  Readonly<{
    config: ManagerConfig;
    name: string;
    startMs: number;
    connect: (address: string) => Channel;
    roles: Roles;
    meters: Meters;
    /** Says whether calls of every kind can be answered. */
    setServing: (isServing: boolean) => void;
  }>;

/**
 * Starts one of several managers over one store. It waits with a warm copy until it leads, leads
 * until it no longer does, and waits again. It fails only when the store does.
 */
export async function startSharedManager(
  config: SharedManagerConfig,
  given: StandbyDeps,
): Promise<Running> {
  const tracer = given.tracer?.of("manager");
  const deps = { ...given, tracer };
  const { wire, clock, log } = deps;
  const roles = createRoles(clock);
  const [meters, calls] = [createMeters(), createCallMeter()];
  const view = () => roles.latest()?.view;
  const server = await wire.serve({
    listen: config.listen,
    mounts: [mountService(ManagerService, createFront(roles))],
    interceptors: [refuseUnknownFields],
    api: managerApi(config.version),
    pages: managerPages(config, { view, meters, calls, tracer, clock, log }),
    meter: calls,
    tracer,
    corsOrigins: config.corsOrigins ?? [],
    clock,
    log,
  });
  const { setServing } = server;
  setServing(false);
  const name = config.advertise ?? server.address;
  const connect = (address: string) => wire.connect({ address, clock, log });
  const turns = { ...deps, config, name, meters, startMs: clock.now(), connect, roles, setServing };
  const stopping = createStop();
  const ended = takeTurns(turns, stopping.signal);
  log.info({ address: server.address, name }, "manager started");

  return {
    address: server.address,
    ended,
    async stop() {
      setServing(false);
      await server.stop(STOP_GRACE_MS);
      stopping.abort();
      await ended;
    },
  };
}

/** Waits and leads in turn, until `signal` aborts. Throws when the store has failed. */
async function takeTurns(turns: Turns, signal: AbortSignal): Promise<void> {
  let state: LedgerState | undefined;
  while (!signal.aborted) {
    state ??= await load(turns, signal);
    if (!state) return;
    const turn = await waitTurn(state, turns, signal);
    if (turn.kind === "leads") await lead(turn, turns, signal);
    state = turn.kind === "behind" ? undefined : turn.state;
  }
}

/** Undefined when `signal` aborts before the store could be read. */
async function load(
  { shared, clock }: Turns,
  signal: AbortSignal,
): Promise<LedgerState | undefined> {
  const isOver = () => signal.aborted;
  const loading = inAnyWeather(() => loadState(shared), { clock, isOver });
  return loading.catch((error: unknown) => {
    if (signal.aborted && isOutOfReach(error)) return undefined;
    throw error;
  });
}

type Turn =
  | (Readonly<{ kind: "leads" }> & Leadership)
  /** Nothing came of it: it waits again. */
  | Readonly<{ kind: "waits"; state: LedgerState }>
  /** The copy missed something of the store: it is made anew. */
  | Readonly<{ kind: "behind" }>;

/** Keeps a copy until this manager leads, until the copy is worth nothing, or until `signal` aborts. */
async function waitTurn(state: LedgerState, turns: Turns, signal: AbortSignal): Promise<Turn> {
  const standby = startStandby({ ...turns, state }, turns);
  const broken = createStop();
  const following = standby.following.then(
    () => undefined,
    (error: unknown) => {
      broken.abort();
      return error;
    },
  );
  turns.roles.take(standby.role);
  const reign = await win(standby, turns, AbortSignal.any([signal, broken.signal]));
  const begun = reign && (await takeOver(standby, reign, turns));
  await standby.end();
  const failure = broken.signal.aborted ? await following : undefined;
  if (failure !== undefined) await reign?.resign();
  if (failure instanceof CompactedError) return { kind: "behind" };
  if (failure !== undefined) throw failure;
  return reign && begun ? leadsWith(state, begun, reign) : { kind: "waits", state };
}

function leadsWith(
  state: LedgerState,
  { areAssignmentsKept, ...begun }: NewEpoch & Readonly<{ areAssignmentsKept: boolean }>,
  reign: Reign,
): Turn {
  return { kind: "leads", state: Object.assign(state, begun), reign, areAssignmentsKept };
}

const pauses = { firstMs: 50, capMs: 1_000 };

/** Leadership, once it is won. Undefined when `signal` aborts before. */
async function win(
  { calls }: Standby,
  { shared, name, setServing, clock, random, log }: Turns,
  signal: AbortSignal,
): Promise<Reign | undefined> {
  const onLeader = (leader: string | undefined) => {
    calls.setLeader(leader);
    setServing(leader !== undefined && !signal.aborted);
  };
  for (let attempt = 0; !signal.aborted; attempt++)
    try {
      return await shared.campaign({ name, onLeader }, signal);
    } catch (err) {
      if (!isOutOfReach(err)) throw err;
      onLeader(undefined);
      log.warn({ err }, "the store is out of reach: nobody can tell who leads");
      await clock.sleep(backoffMs(attempt, pauses, random), signal);
    }
  return undefined;
}

/** How long the copy may take to catch up with the store before another one should lead. */
const CATCH_UP_MS = 10_000;

/** Begins an epoch, after which nobody else writes, and has the copy catch up. Undefined when that failed. */
async function takeOver(standby: Standby, reign: Reign, { random, clock, log }: Turns) {
  const tooLate = new AbortController();
  const late = unavailable("COPY_BEHIND", "the copy of the ledger did not catch up");
  const disarm = clock.after(CATCH_UP_MS, () => tooLate.abort(late));
  try {
    const begun = await beginEpoch(reign.store, random, {
      keepsAssignments: true,
      nowMs: clock.now(),
    });
    await standby.reached(begun.storeRevision, AbortSignal.any([tooLate.signal, reign.lost]));
    return begun;
  } catch (err) {
    log.warn({ err }, "leadership was won and given up");
    await reign.resign();
    return undefined;
  } finally {
    disarm();
  }
}
