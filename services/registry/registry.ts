import { LEASE_INTERVAL_MS_DEFAULT, LEASE_MS_DEFAULT } from "../../core/limits.ts";
import { RegistryService } from "../../gen/berth/v1/registry_service_pb.ts";
import { type AddressEntry, parseAddressList } from "../../lib/address-list.ts";
import { assert } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import type { DnsEdge } from "../../lib/dns/dns-server.ts";
import type { Running } from "../../lib/lifecycle.ts";
import type { Log } from "../../lib/log.ts";
import { type Random, randomWord } from "../../lib/random.ts";
import { createCallMeter } from "../../lib/rpc/call-meter.ts";
import { mountService } from "../../lib/rpc/service-mount.ts";
import { refuseUnknownFields } from "../../lib/rpc/unknown-fields.ts";
import type { Wire } from "../../lib/rpc/wire.ts";
import { createStop } from "../../lib/stop.ts";
import type { Tracer } from "../../lib/trace/tracer.ts";
import { type DnsConfig, startDns } from "./dns.ts";
import { createRegistryHandlers } from "./handlers.ts";
import { registryApi } from "./http-api.ts";
import { runLeaseLoop } from "./lease-loop.ts";
import { runPeers } from "./peers.ts";
import { countHeartbeats, registryPages } from "./registry-pages.ts";
import { createRoster, type Roster } from "./roster.ts";

export type RegistryConfig = Readonly<{
  /** `host:port`; port 0 means any free one. */
  listen: string;
  /** How long a worker counts as alive without a word. Default `LEASE_MS_DEFAULT`. */
  leaseMs?: number;
  /** How often a worker should send a heartbeat. Default a quarter of the lease. */
  intervalMs?: number;
  /** The other registries, as `parseAddressList` reads them; this one may be among them. */
  peers?: string | undefined;
  /** Absent: no DNS. */
  dns?: DnsConfig | undefined;
  /** Of the program. Absent: not told. */
  version?: string;
}>;

export type RegistryDeps = Readonly<{
  wire: Wire;
  /** Needed where the configuration asks for DNS. */
  dns?: DnsEdge;
  /** Absent: nothing is traced. */
  tracer?: Tracer | undefined;
  clock: Clock;
  random: Random;
  log: Log;
}>;

export type RunningRegistry = Running &
  Readonly<{
    /** Where it answers DNS: `host:port`. Undefined: nowhere. */
    dnsAddress: string | undefined;
  }>;

/** Three heartbeats may be lost before a lease runs out. */
const INTERVALS_PER_LEASE = LEASE_MS_DEFAULT / LEASE_INTERVAL_MS_DEFAULT;

/** 80 bits: no two are the same. */
const REGISTRY_ID_LENGTH = 16;

/** How long calls that are under way may take when the registry stops. */
const STOP_GRACE_MS = 2_000;

/** Serves RegistryService until stopped. It keeps nothing on disk: workers register anew. */
export async function startRegistry(
  config: RegistryConfig,
  deps: RegistryDeps,
): Promise<RunningRegistry> {
  const { clock, log } = deps;
  const tracer = deps.tracer?.of("registry");
  const { leaseMs = LEASE_MS_DEFAULT, version } = config;
  const intervalMs = config.intervalMs ?? leaseMs / INTERVALS_PER_LEASE;
  assert(intervalMs < leaseMs, `interval ${intervalMs} ms is not shorter than lease ${leaseMs} ms`);

  const { roster, heartbeatCount } = countHeartbeats(createRoster(deps, leaseMs));
  const calls = createCallMeter();
  const peers = peersOf(config);
  const registryId = randomWord(deps.random, REGISTRY_ID_LENGTH);
  const settledMs = clock.monotonic() + (peers.length > 0 ? leaseMs : 0);
  const isSettled = () => clock.monotonic() >= settledMs;
  const terms = { leaseMs, intervalMs, registryId, isSettled };
  const handlers = createRegistryHandlers({ ...deps, ...terms, roster });
  const dns = config.dns && (await startDns(config.dns, { ...dnsDeps(deps), roster, leaseMs }));
  const counted = { roster, heartbeatCount, calls };
  const serving = deps.wire.serve({
    listen: config.listen,
    mounts: [mountService(RegistryService, handlers)],
    interceptors: [refuseUnknownFields],
    api: registryApi(version ?? ""),
    pages: registryPages({ ...counted, version, tracer, clock, log }),
    ...{ meter: calls, tracer, clock, log },
  });
  const server = await serving.catch(async (error: unknown) => {
    await dns?.close();
    throw error;
  });
  const stopping = createStop();
  const ended = runLoops(peers, { ...deps, roster, leaseMs, registryId }, stopping.signal);
  log.info({ address: server.address, leaseMs, intervalMs }, "registry started");

  let stopped: Promise<void> | undefined;
  async function shut(): Promise<void> {
    stopping.abort();
    await dns?.close();
    await server.stop(STOP_GRACE_MS);
    await ended;
    log.info({ address: server.address }, "registry stopped");
  }

  return {
    address: server.address,
    dnsAddress: dns?.address,
    ended,
    stop() {
      stopped ??= shut();
      return stopped;
    },
  };
}

type LoopDeps = RegistryDeps & Readonly<{ roster: Roster; leaseMs: number; registryId: string }>;

async function runLoops(
  peers: readonly AddressEntry[],
  deps: LoopDeps,
  signal: AbortSignal,
): Promise<void> {
  const toPeers = peers.length > 0 ? [runPeers(peers, deps, signal)] : [];
  await Promise.all([runLeaseLoop(deps, signal), ...toPeers]);
}

function peersOf({ peers }: RegistryConfig): readonly AddressEntry[] {
  if (peers === undefined) return [];
  const list = parseAddressList(peers);
  assert(list.kind === "parsed", `peers ${peers} were parsed before`);
  return list.entries;
}

function dnsDeps({ dns: edge, ...deps }: RegistryDeps) {
  assert(edge, "a registry that answers DNS is given sockets for it");
  return { ...deps, edge };
}
