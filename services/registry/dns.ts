import { assert } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import type { DnsEdge, DnsServer } from "../../lib/dns/dns-server.ts";
import { type HostPort, parseHostPort } from "../../lib/host-port.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { answerQuestion } from "./dns-answer.ts";
import { createDnsDirectory } from "./dns-directory.ts";
import { createHostBook } from "./dns-hosts.ts";
import type { ServiceName } from "./dns-zone.ts";
import type { Roster } from "./roster.ts";

export type DnsConfig = Readonly<{
  /** `host:port`, for UDP and TCP. */
  listen: string;
  /** The zone's name in lower case, without a dot at the end. */
  zone: string;
  ttlSeconds: number;
  /** Who is asked about other zones, one after another: `address:port`. Empty: they are refused. */
  forwards: readonly string[];
  /** Where the services are that no worker tells of: `host:port`. */
  services: Readonly<Record<ServiceName, readonly string[]>>;
}>;

type Deps = Readonly<{
  roster: Roster;
  leaseMs: number;
  edge: DnsEdge;
  clock: Clock;
  random: Random;
  log: Log;
}>;

/** Answers for the zone from the roster, from its beginning on, until closed. */
export async function startDns(config: DnsConfig, deps: Deps): Promise<DnsServer> {
  const { roster, edge, clock, random, log } = deps;
  const zone = { labels: config.zone.split("."), ttlSeconds: config.ttlSeconds };
  const hosts = createHostBook({ lookup: edge.lookup, clock, log });
  const { services } = config;
  const state = createDnsDirectory({ roster, hosts, services, clock, settleMs: deps.leaseMs });
  const server = await edge.serve({
    listen: addressOf(config.listen),
    decide: (question) => answerQuestion(question, { zone, state, random }),
    forwards: config.forwards.map(addressOf),
    clock,
    random,
    log,
  });
  log.info({ address: server.address, zone: config.zone }, "dns started");
  return {
    address: server.address,
    async close() {
      hosts.close();
      await server.close();
    },
  };
}

function addressOf(text: string): HostPort {
  const parsed = parseHostPort(text);
  assert(parsed.kind === "parsed", `address ${text} was parsed before`);
  return parsed;
}
