import { toMillis } from "../../core/time.ts";
import type { Endpoint } from "../../gen/berth/v1/endpoint_pb.ts";
import { type HeldSession, RegistryService } from "../../gen/berth/v1/registry_service_pb.ts";
import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { unavailable } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { createBackoff } from "../../lib/retry.ts";
import { createClient } from "../../lib/rpc/client.ts";
import type { Wire } from "../../lib/rpc/wire.ts";
import { createWatchdog } from "../../lib/watchdog.ts";
import { registryLimits } from "./limits.ts";
import type { Roster } from "./roster.ts";

export type PeerDeps = Readonly<{
  roster: Pick<Roster, "take">;
  /** Names this life of this registry. */
  registryId: string;
  wire: Pick<Wire, "connect" | "find">;
  clock: Clock;
  random: Random;
  log: Log;
}>;

/** How often a peer that is away is called. */
const RETRY = { firstMs: 100, capMs: 1_000, stableMs: 10_000 };

/**
 * Keeps the roster told of the sessions that the registry at `address` holds, until `signal` aborts.
 * While it is away, what it said of each worker stands until that worker's lease is over.
 */
export async function runPeerLink(
  address: string,
  deps: PeerDeps,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, log } = deps;
  const backoff = createBackoff({ ...RETRY, random, clock });
  let isAway = false;
  while (!signal.aborted) {
    const end = await follow(address, deps, signal);
    if (signal.aborted) return;
    if (end.kind === "self") {
      await clock.sleep(registryLimits.peerSelfMs, signal);
      continue;
    }
    // Once for each time that it goes: it may be away for days.
    if (end.heard || !isAway) log.warn({ peer: address, err: end.error }, "peer lost");
    isAway = true;
    await clock.sleep(backoff.next(), signal);
  }
}

type End =
  /** It is this registry itself: one list of peers can serve all registries. */
  Readonly<{ kind: "self" }> | Readonly<{ kind: "lost"; error: unknown; heard: boolean }>;

async function follow(address: string, deps: PeerDeps, signal: AbortSignal): Promise<End> {
  const { wire, clock, log, registryId, roster } = deps;
  const silent = new AbortController();
  const dog = createWatchdog(clock, registryLimits.peerSilenceMs, () =>
    silent.abort(unavailable("PEER_SILENT", `registry ${address} has fallen silent`)),
  );
  const channel = wire.connect({ address, clock, log });
  const either = AbortSignal.any([signal, silent.signal]);
  const takeIn = createIntake(roster, clock);
  let heard = false;
  try {
    const news = createClient(RegistryService, channel).watchSessions({}, { signal: either });
    for await (const { registryId: peerId, sessions } of news) {
      if (peerId === registryId) return { kind: "self" };
      if (!heard) log.info({ peer: address, peerId }, "peer found");
      heard = true;
      dog.kick();
      sessions.forEach(takeIn);
    }
    return { kind: "lost", error: unavailable("WATCH_ENDED", "the peer ended the watch"), heard };
  } catch (error) {
    return { kind: "lost", error, heard };
  } finally {
    dog.stop();
    channel.close();
  }
}

const NOTHING: readonly Endpoint[] = [];

/** Takes in what comes over one connection, and remembers endpoints that are not told again. */
function createIntake(roster: Pick<Roster, "take">, clock: Clock): (held: HeldSession) => void {
  const served = new Map<string, readonly Endpoint[]>();
  return ({ presence, instanceId, sessionNumber, connected, silence, endpoints }) => {
    // A state that a later version may know is told by its silence.
    if (!presence || !KNOWN_STATES.has(presence.state)) return;
    const { workerId, state } = presence;
    if (endpoints) served.set(workerId, endpoints.endpoints);
    const heardMs = clock.monotonic() - (silence ? toMillis(silence) : 0);
    const claim = { presence, instanceId, sessionNumber, connected, heardMs };
    roster.take(claim, served.get(workerId) ?? NOTHING);
    if (state !== WorkerState.UP) served.delete(workerId);
  };
}

const KNOWN_STATES: ReadonlySet<WorkerState> = new Set([
  WorkerState.UP,
  WorkerState.DOWN,
  WorkerState.LEFT,
]);
