import { lookup } from "node:dns/promises";
import type { Clock } from "../clock.ts";
import { formatHostPort, type HostPort } from "../host-port.ts";
import type { Log } from "../log.ts";
import type { Random } from "../random.ts";
import { createForwarder } from "./forwarder.ts";
import { createResponder, type Decide } from "./responder.ts";
import { listenTcp } from "./tcp-listener.ts";
import { type Listener, listenUdp } from "./udp-listener.ts";

export type DnsServerConfig = Readonly<{
  /** Port 0 is any one that is free for UDP and TCP. */
  listen: HostPort;
  decide: Decide;
  /** Who is asked about what `decide` calls foreign: IP addresses. Empty: nobody. */
  forwards: readonly HostPort[];
  clock: Clock;
  random: Random;
  log: Log;
}>;

export type DnsServer = Readonly<{ address: string; close: () => Promise<void> }>;

/** What DNS needs of the machine. */
export type DnsEdge = Readonly<{
  serve: (config: DnsServerConfig) => Promise<DnsServer>;
  /** Addresses of a host, as this machine's resolver tells. Rejects when it cannot. */
  lookup: (host: string) => Promise<readonly string[]>;
}>;

export const socketDns: DnsEdge = {
  serve: startDnsServer,
  lookup: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
};

/** Answers DNS queries over UDP and TCP until closed. */
async function startDnsServer(config: DnsServerConfig): Promise<DnsServer> {
  const { listen, decide, forwards, clock, random, log } = config;
  const forwarder = forwards.length > 0 ? createForwarder(forwards, { clock, random }) : undefined;
  const respond = createResponder(decide, forwarder);
  const { address: host } = await lookup(listen.host);
  const at = { host, port: listen.port };
  const [udp, tcp] = await listenBoth(at, { respond, clock, log });
  return {
    address: formatHostPort({ host, port: udp.port }),
    async close() {
      await Promise.all([udp.close(), tcp.close()]);
    },
  };
}

type Deps = Parameters<typeof listenTcp>[1];

/** How often another port is tried, where any will do, when TCP does not have the one of UDP. */
const PORT_TRIES = 8;

async function listenBoth(at: HostPort, deps: Deps): Promise<readonly [Listener, Listener]> {
  for (let tries = 1; ; tries++) {
    const udp = await listenUdp(at, deps);
    try {
      return [udp, await listenTcp({ ...at, port: udp.port }, deps)];
    } catch (error) {
      await udp.close();
      if (at.port !== 0 || tries === PORT_TRIES) throw error;
    }
  }
}
