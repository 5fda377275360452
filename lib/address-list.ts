import { isIP } from "node:net";
import { formatHostPort, type HostPort, parseHostPort } from "./host-port.ts";

/** One entry of a list of addresses. */
export type AddressEntry =
  /** An IP address, or a name that stands for one address or more. */
  | Readonly<{ kind: "host" } & HostPort>
  /** A name whose SRV records in DNS tell hosts and ports. */
  | Readonly<{
      kind: "service";
      name: string;
      /** The DNS server to ask, by its IP address. Undefined: as this machine is set up. */
      server: HostPort | undefined;
    }>;

export type ParsedAddressList =
  | Readonly<{ kind: "parsed"; entries: readonly AddressEntry[] }>
  /** `explanation` shows the entry and how it should look. */
  | Readonly<{ kind: "malformed"; explanation: string }>;

type ParsedEntry =
  | Readonly<{ kind: "parsed"; entry: AddressEntry }>
  | Readonly<{ kind: "malformed"; explanation: string }>;

/** More servers than this are found by a name. */
const ENTRIES_MAX = 16;

const SERVICE_PREFIX = "srv:";

/** Reads `host:port,host:port,srv:NAME,srv:NAME@ADDRESS:PORT`: at least one entry, in this order. */
export function parseAddressList(text: string): ParsedAddressList {
  const words = text.split(",").map((word) => word.trim());
  if (words.length > ENTRIES_MAX)
    return malformed(`it has ${words.length} entries: name at most ${ENTRIES_MAX}, or srv:NAME`);
  const entries: AddressEntry[] = [];
  for (const word of words) {
    const result = word.startsWith(SERVICE_PREFIX) ? parseService(word) : parseHost(word);
    if (result.kind === "malformed") return result;
    entries.push(result.entry);
  }
  return { kind: "parsed", entries };
}

export const formatAddressEntry = (entry: AddressEntry): string =>
  entry.kind === "host"
    ? formatHostPort(entry)
    : `${SERVICE_PREFIX}${entry.name}${entry.server ? `@${formatHostPort(entry.server)}` : ""}`;

function parseHost(word: string): ParsedEntry {
  const parsed = parseHostPort(word);
  if (parsed.kind === "malformed") return parsed;
  const { host, port } = parsed;
  if (port === 0) return malformed(`address ${word} has port 0: name the port that it listens on`);
  return { kind: "parsed", entry: { kind: "host", host, port } };
}

/** Labels as in SRV names (RFC 2782), a dot at the end or none. */
const SERVICE_NAME = /^(?=.{1,253}$)(_?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.|$))+$/i;

function parseService(word: string): ParsedEntry {
  const [name = "", ...servers] = word.slice(SERVICE_PREFIX.length).split("@");
  const server = servers.length > 0 ? parseHostPort(servers.join("@")) : undefined;
  const isServer = server?.kind === "parsed" && isIP(server.host) > 0 && server.port > 0;
  if (!SERVICE_NAME.test(name) || (server && !isServer))
    return malformed(
      `${JSON.stringify(word)} is not srv:NAME or srv:NAME@ADDRESS:PORT: ` +
        "write srv:_manager._tcp.berth or srv:_manager._tcp.berth@10.0.0.2:53",
    );
  const asked = isServer ? { host: server.host, port: server.port } : undefined;
  return { kind: "parsed", entry: { kind: "service", name, server: asked } };
}

const malformed = (explanation: string) => ({ kind: "malformed", explanation }) as const;
