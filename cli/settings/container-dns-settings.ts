import { isIP } from "node:net";
import { usageError } from "../command-error.ts";
import { malformed, type Parsed, parsed, parseEach } from "../parse/parsed.ts";
import { parseZone } from "../parse/zone.ts";
import type { ContainerDns } from "../services.ts";
import type { Values } from "./resolve.ts";
import type { Setting } from "./setting.ts";

/** Resolvers ask no more than three (resolv.conf(5)). */
const SERVERS_MAX = 3;

/** And search in no more than six. */
const SEARCHES_MAX = 6;

const dnsServers: Setting<readonly string[]> = {
  name: "dns-servers",
  flag: "dns",
  valueName: "address",
  help: "DNS server of this worker's containers, at port 53; repeatable",
  isList: true,
  parse: (texts) => parseAtMost(texts, SERVERS_MAX, parseServer),
  fallback: [],
  fallbackText: "those of this machine",
};

const dnsSearches: Setting<readonly string[]> = {
  name: "dns-searches",
  flag: "dns-search",
  valueName: "name",
  help: "what containers append to short names, such as task.berth; needs --dns; repeatable",
  isList: true,
  parse: (texts) => parseAtMost(texts, SEARCHES_MAX, parseZone),
  fallback: [],
};

const parseServer = (text: string): Parsed<string> =>
  isIP(text) > 0 ? parsed(text) : malformed(text, "must be an IP address, such as 10.0.0.2");

function parseAtMost(
  texts: readonly string[],
  max: number,
  parse: (text: string) => Parsed<string>,
): Parsed<readonly string[]> {
  const surplus = texts[max];
  return surplus === undefined
    ? parseEach(texts, parse)
    : malformed(surplus, `is one too many, for resolvers look at ${max}: leave it out`);
}

/** What a worker can be told about its containers' DNS. */
export const containerDnsShape = { dnsServers, dnsSearches };

/** Undefined: what the engine gives them. */
export function containerDnsOf({
  dnsServers: servers,
  dnsSearches: searches,
}: Values<typeof containerDnsShape>): ContainerDns | undefined {
  if (servers.length > 0) return { servers, searches };
  if (searches.length === 0) return undefined;
  throw usageError(
    ["--dns-search says where to look for short names, and no --dns says whom to ask"],
    ["add --dns ADDRESS, or leave --dns-search out"],
  );
}
