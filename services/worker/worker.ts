import type { Role } from "../../gen/berth/v1/worker_pb.ts";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { type Gate, openGate } from "../../lib/gate.ts";
import { formatHostPort, type HostPort, parseHostPort } from "../../lib/host-port.ts";
import type { Running } from "../../lib/lifecycle.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { createCallMeter } from "../../lib/rpc/call-meter.ts";
import { createContacts } from "../../lib/rpc/contacts.ts";
import type { RpcServer } from "../../lib/rpc/server.ts";
import { mountService } from "../../lib/rpc/service-mount.ts";
import { refuseUnknownFields } from "../../lib/rpc/unknown-fields.ts";
import type { Wire } from "../../lib/rpc/wire.ts";
import { createStop } from "../../lib/stop.ts";
import type { StoreView } from "../../lib/store/store-view.ts";
import type { Tracer } from "../../lib/trace/tracer.ts";
import { runAssignments } from "./assignments.ts";
import { endpointsOf, touchesEndpoints } from "./endpoints.ts";
import { createHandlers } from "./handlers.ts";
import { workerApi } from "./http-api.ts";
import { type Identity, openIdentity } from "./identity.ts";
import { createLease } from "./lease.ts";
import { createManagerTouch } from "./manager-touch.ts";
import type { ProbeCalls } from "./prober-calls.ts";
import { createReportFeed } from "./reports-feed.ts";
import type { Runtime } from "./runtime.ts";
import { createSession } from "./session.ts";
import type { StateFolder } from "./state-folder.ts";
import { createSupervisor, type Supervisor } from "./supervisor.ts";
import type { Glance } from "./usage-cgroup.ts";
import { createUsageRings } from "./usage-rings.ts";
import { createUsageSampler } from "./usage-sampler.ts";
import { openVerdicts, type Verdicts } from "./verdicts.ts";
import { createWatchers } from "./watchers.ts";
import { type CapacityOverrides, describeWorker } from "./worker-description.ts";
import { unlessAborted } from "./worker-gate.ts";
import { createMetricsMeter, type HostMeter } from "./worker-metrics.ts";
import { workerPages } from "./worker-pages.ts";
import { createEngineProbe } from "./worker-probe.ts";

export type WorkerConfig = Readonly<{
  /** `host:port` to serve on; port 0 takes any free one. */
  listen: string;
  /** Where others reach the worker: `host:port`. Absent: where it listens. */
  advertise?: string | undefined;
  /** The registries, as `parseAddressList` reads them. */
  registryAddress: string;
  /** The machine's name, for people and for workers without a name of their own. */
  hostname: string;
  /** Absent: the stored name, else one made from the machine's. */
  workerId?: string | undefined;
  labels: Readonly<Record<string, string>>;
  /** Whether tasks may share the machine's network. */
  allowHostNetwork: boolean;
  capacity: CapacityOverrides;
  /** All roles that the worker's process plays. */
  roles: readonly Role[];
  version: string;
}>;

export type WorkerDeps = Readonly<{
  wire: Wire;
  /** Where the worker remembers who it is. */
  state: StateFolder;
  runtime: Runtime;
  /** How containers are asked for their health. */
  probes: ProbeCalls;
  /** What containers use, where the machine shows it. */
  glance: Glance;
  stats: HostMeter;
  /** Bounds how many workers of one process register at once. Absent: it is the only one. */
  gate?: Gate;
  /** Opens a view of the managers' store, for when none of them answers. Absent: it is not asked. */
  openView?: (() => Promise<StoreView>) | undefined;
  /** Absent: nothing is traced. */
  tracer?: Tracer | undefined;
  clock: Clock;
  random: Random;
  log: Log;
}>;

/** How long calls that are under way may take when the worker stops. */
const STOP_GRACE_MS = 2_000;

/**
 * Starts a worker: it serves managers, keeps a session with the registry, and adopts the
 * containers of its earlier lives. When it stops, containers run on.
 */
export async function startWorker(config: WorkerConfig, given: WorkerDeps): Promise<Running> {
  const tracer = given.tracer?.of("worker");
  const deps = { ...given, tracer };
  const { wire, random, clock } = deps;
  const advertise = config.advertise === undefined ? undefined : parseAddress(config.advertise);
  const { workerId, hostname } = config;
  const identity = await openIdentity(deps.state.identity, { workerId, hostname, random });
  const log = deps.log.child({ workerId: identity.workerId });
  const verdicts = await openVerdicts(deps.state.verdicts, log);
  const parts = createParts(config, { ...deps, verdicts, log }, identity);
  const server = await wire.serve({
    listen: config.listen,
    mounts: [mountService(WorkerService, parts.handlers)],
    interceptors: [refuseUnknownFields],
    api: workerApi(config.version),
    pages: parts.pages(log),
    meter: parts.calls,
    tracer,
    clock,
    log,
  });
  log.info({ address: server.address }, "worker started");
  const address = reachable(advertise ?? parseAddress(server.address), hostname);
  return run({ ...parts, config, deps: { ...deps, log }, identity, server, address });
}

/** All that serves managers. */
function createParts(
  config: WorkerConfig,
  deps: WorkerDeps & Readonly<{ verdicts: Verdicts }>,
  identity: Identity,
) {
  const { runtime, stats, clock, tracer } = deps;
  const { allowHostNetwork } = config;
  const offers = config.capacity.custom;
  const feed = createReportFeed();
  const probe = createEngineProbe(deps);
  const { owner } = identity;
  const { engine } = probe;
  const supervisor = createSupervisor({ ...deps, owner, engine, onReport: feed.publish });
  const attempts = supervisor.list;
  const measure = createMetricsMeter({ stats, clock, attempts, engineError: probe.error });
  const watchers = createWatchers({ clock, feed, attempts });
  const touch = createManagerTouch(clock);
  const sampler = createUsageSampler({ runtime, clock });
  const rings = createUsageRings({ glance: deps.glance, attempts, clock });
  feed.subscribe(rings.note);
  const handlers = createHandlers(
    { identity, supervisor, watchers, touch, feed, runtime, clock, measure, sampler, rings },
    { allowHostNetwork, offers },
  );
  const calls = createCallMeter();
  const { version } = config;
  const seen = { attempts, sampler, stats, engineError: probe.error, version };
  const pages = (log: Log) => workerPages({ ...seen, calls, tracer, clock, log });
  const lease = createLease({ ...deps, onLost: supervisor.cutOff, onRegained: supervisor.rejoin });
  return { feed, supervisor, rings, probe, measure, handlers, touch, lease, calls, pages };
}

type Parts = ReturnType<typeof createParts> &
  Readonly<{
    config: WorkerConfig;
    deps: WorkerDeps;
    identity: Identity;
    server: RpcServer;
    /** Where others reach the worker. */
    address: HostPort;
  }>;

function run(parts: Parts): Running {
  const { server, supervisor, rings, identity, probe, lease, deps } = parts;
  const leaving = createStop();
  const stopping = createStop();
  const session = createWorkerSession(parts).run(leaving.signal);
  const ended = Promise.all([
    session,
    lease.run(leaving.signal),
    probe.run(stopping.signal),
    rings.run(stopping.signal),
    superviseOnceClaimed(supervisor, identity, stopping.signal),
    standInForManagers(parts, leaving.signal),
  ]).then(() => undefined);

  async function stop(): Promise<void> {
    server.setServing(false);
    leaving.abort();
    await session;
    await server.stop(STOP_GRACE_MS);
    stopping.abort();
    deps.log.info({ address: server.address }, "worker stopped");
  }
  let stopped: Promise<void> | undefined;
  return {
    address: server.address,
    ended,
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** A worker has no containers before it has a cluster. */
async function superviseOnceClaimed(
  supervisor: Supervisor,
  identity: Identity,
  signal: AbortSignal,
): Promise<void> {
  await unlessAborted(identity.claimed, signal);
  if (!signal.aborted) await supervisor.run(signal);
}

/** Once it has a cluster. */
async function standInForManagers(parts: Parts, signal: AbortSignal): Promise<void> {
  const { config, deps, identity } = parts;
  const { openView } = deps;
  if (!openView) return;
  await unlessAborted(identity.claimed, signal);
  const { allowHostNetwork, capacity } = config;
  const own = { ...deps, ...parts, openView, allowHostNetwork, offers: capacity.custom };
  if (!signal.aborted) await runAssignments(own, signal);
}

function createWorkerSession({ config, deps, identity, address, ...parts }: Parts) {
  const { feed, supervisor, probe, measure, lease } = parts;
  const facts = { ...config, address: formatHostPort(address) };
  const session = createSession({
    ...deps,
    registries: createContacts(config.registryAddress, deps),
    workerId: identity.workerId,
    describe: async () =>
      describeWorker(facts, await probe.description(), await deps.stats.measure()),
    measure,
    gate: deps.gate ?? openGate,
    onAnswer: lease.renew,
    endpoints: () => endpointsOf(supervisor.list(), address.host),
  });
  feed.subscribe((attempt) => {
    if (touchesEndpoints(attempt)) session.endpointsChanged();
  });
  return session;
}

/** Addresses that mean "every one of this machine": good to listen on, no good to connect to. */
const EVERY_ADDRESS = ["0.0.0.0", "::"];

const reachable = ({ host, port }: HostPort, hostname: string): HostPort => ({
  host: EVERY_ADDRESS.includes(host) ? hostname : host,
  port,
});

function parseAddress(text: string): HostPort {
  const parsed = parseHostPort(text);
  if (parsed.kind === "malformed") throw new Error(parsed.explanation);
  return parsed;
}
