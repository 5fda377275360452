import { createRouterTransport } from "@connectrpc/connect";
import { afterEach } from "@jest/globals";
import { RegistryService } from "../../gen/berth/v1/registry_service_pb.ts";
import { parseAddressList } from "../../lib/address-list.ts";
import { unavailable } from "../../lib/errors.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import type { Channel, ChannelOptions } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import type { Wire } from "../../lib/rpc/wire.ts";
import { createRegistryHandlers } from "./handlers.ts";
import { runLeaseLoop } from "./lease-loop.ts";
import { runPeers } from "./peers.ts";
import { createRoster } from "./roster.ts";
import type { TestRegistry } from "./test-registry.ts";

export const LEASE_MS = 4_000;
export const INTERVAL_MS = 1_000;

type Served = Readonly<{ channel: Omit<Channel, "address" | "close">; life: AbortController }>;
export type PeerRegistry = TestRegistry & Readonly<{ kill: () => void }>;

const worlds: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of worlds.splice(0)) await end();
});

/** Registries that know each other, in memory, on a clock that a test moves. */
export function openPeers() {
  const clock = createManualClock();
  const random = createSeededRandom(7);
  const served = new Map<string, Served>();
  /** Pairs that cannot reach each other: `from to`. */
  const cut = new Set<string>();
  const ends: Promise<unknown>[] = [];

  const connectFrom = createSwitch(served, cut);

  function start(name: string, peers: string): PeerRegistry {
    const life = new AbortController();
    const { signal } = life;
    const settledMs = clock.monotonic() + LEASE_MS;
    const roster = createRoster({ clock, random, log: silentLog }, LEASE_MS);
    const terms = { leaseMs: LEASE_MS, intervalMs: INTERVAL_MS, registryId: `${name} ${random()}` };
    const deps = { ...terms, roster, clock, random, log: silentLog };
    const isSettled = () => clock.monotonic() >= settledMs;
    const handlers = createRegistryHandlers({ ...deps, isSettled });
    const channel = createRouterTransport((router) => router.service(RegistryService, handlers));
    served.set(name, { channel, life });
    const wire: Pick<Wire, "connect" | "find"> = {
      connect: (options) => connectFrom(name, options),
      find: async (entry) => (entry.kind === "host" ? [`${entry.host}:${entry.port}`] : []),
    };
    const list = parseAddressList(peers);
    const entries = list.kind === "parsed" ? list.entries : [];
    ends.push(runLeaseLoop({ roster, clock, leaseMs: LEASE_MS }, signal));
    ends.push(runPeers(entries, { ...deps, wire }, signal));
    const client = createClient(
      RegistryService,
      connectFrom("a client", { ...deps, address: name }),
    );
    const kill = () => {
      served.delete(name);
      life.abort(unavailable("DIED", `registry ${name} has died`));
    };
    return { clock, roster, client, signal, kill, close: async () => kill() };
  }

  worlds.push(async () => {
    for (const { life } of served.values()) life.abort();
    await clock.advance(LEASE_MS);
    await Promise.all(ends);
  });
  return { clock, start, cut };
}

/** How registries reach each other, and clients them: calls end when the one called does. */
const createSwitch =
  (served: ReadonlyMap<string, Served>, cut: ReadonlySet<string>) =>
  (name: string, { address }: ChannelOptions): Channel => {
    const close = () => undefined;
    const to = served.get(address);
    if (!to || cut.has(`${name} ${address}`)) return { ...deadEnd, address, close };
    const { channel, life } = to;
    return {
      address,
      close,
      unary: channel.unary,
      stream: (method, signal, ...rest) => {
        const either = AbortSignal.any([life.signal, ...(signal ? [signal] : [])]);
        return channel.stream(method, either, ...rest);
      },
    };
  };

const refuse = async () => {
  throw unavailable("NOT_CONNECTED", "nobody is there");
};
const deadEnd = { unary: refuse, stream: refuse };
