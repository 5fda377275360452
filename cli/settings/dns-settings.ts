import { isIP } from "node:net";
import { usageError } from "../command-error.ts";
import { hostOf, parseAddress } from "../parse/address.ts";
import { parseDuration } from "../parse/duration.ts";
import { malformed, type Parsed, parsed, parseEach } from "../parse/parsed.ts";
import { parseZone } from "../parse/zone.ts";
import type { DnsConfig } from "../services.ts";
import { isUnspecified } from "./exposure.ts";
import type { Values } from "./resolve.ts";
import { optional, type Setting, single } from "./setting.ts";

const ZONE_DEFAULT = "berth";
const TTL_SECONDS_DEFAULT = 5;
const TTL_SECONDS_MAX = 3_600;

const dnsListen = optional(
  {
    name: "dns-listen",
    valueName: "host:port",
    help: "where to answer DNS, over UDP and TCP",
    fallbackText: "nowhere",
  },
  parseAddress,
);

const dnsZone: Setting<string> = single({
  name: "dns-zone",
  valueName: "name",
  help: "zone that DNS answers for",
  parseText: parseZone,
  fallback: ZONE_DEFAULT,
  fallbackText: ZONE_DEFAULT,
});

const dnsTtl: Setting<number> = single({
  name: "dns-ttl",
  valueName: "time",
  help: "how long others may remember an answer of DNS",
  parseText: parseTtl,
  fallback: TTL_SECONDS_DEFAULT,
  fallbackText: `${TTL_SECONDS_DEFAULT}s`,
});

function parseTtl(text: string): Parsed<number> {
  const span = parseDuration(text);
  if (span.kind === "malformed") return span;
  const seconds = span.value / 1000;
  return Number.isInteger(seconds) && seconds <= TTL_SECONDS_MAX
    ? parsed(seconds)
    : malformed(text, "must be whole seconds, at most 1h; 0s means not at all");
}

const dnsForwards: Setting<readonly string[]> = {
  name: "dns-forwards",
  flag: "dns-forward",
  valueName: "address:port",
  help: "DNS server that is asked about other zones, which are refused otherwise; repeatable",
  isList: true,
  parse: (texts) => parseEach(texts, parseServer),
  fallback: [],
};

function parseServer(text: string): Parsed<string> {
  const result = parseAddress(text);
  if (result.kind === "malformed") return result;
  return isIP(hostOf(text)) > 0 && !/:0+$/.test(text)
    ? result
    : malformed(text, "must be an IP address and a port, such as 9.9.9.9:53");
}

const addresses = (name: string, flag: string, help: string): Setting<readonly string[]> => ({
  name,
  flag,
  valueName: "host:port",
  help,
  isList: true,
  parse: (texts) => parseEach(texts, parseAddress),
  fallback: [],
});

const dnsManagers = addresses(
  "dns-managers",
  "dns-manager",
  "a manager, for DNS to tell of; repeatable",
);
const dnsRegistries = addresses(
  "dns-registries",
  "dns-registry",
  "a registry, for DNS to tell of, if not the one that answers, where it listens; repeatable",
);

/** What a registry can be told about DNS. */
export const dnsShape = { dnsListen, dnsZone, dnsTtl, dnsForwards, dnsManagers, dnsRegistries };

/** Where the services of this process listen. */
export type Places = Readonly<{ registry: string; manager?: string }>;

/** A registry's configuration of DNS: undefined when it answers none. */
export function dnsConfigOf(set: Values<typeof dnsShape>, places: Places): DnsConfig | undefined {
  const { dnsListen: listen } = set;
  if (listen === undefined) return undefined;
  if (set.dnsForwards.includes(listen)) {
    throw usageError(
      [`--dns-forward ${listen} is where this registry answers DNS itself`],
      ["name another server, or leave it out"],
    );
  }
  return {
    listen,
    zone: set.dnsZone,
    ttlSeconds: set.dnsTtl,
    forwards: set.dnsForwards,
    services: {
      manager: orElse(set.dnsManagers, places.manager),
      registry: orElse(set.dnsRegistries, places.registry),
    },
  };
}

/** Where nothing was given, the service of this process, if its address means it to others too. */
function orElse(given: readonly string[], place: string | undefined): readonly string[] {
  if (given.length > 0 || place === undefined) return given;
  return isUnspecified(place) || /:0+$/.test(place) ? [] : [place];
}
