import { isIP, isIPv6 } from "node:net";

/** Where a service listens or is reached. IPv6 hosts are without brackets here. */
export type HostPort = Readonly<{ host: string; port: number }>;

export type ParsedHostPort =
  | Readonly<{ kind: "parsed" } & HostPort>
  /** `explanation` shows the text and how it should look. */
  | Readonly<{ kind: "malformed"; explanation: string }>;

const PORT_MAX = 65_535;

/** Longest name in DNS (RFC 1035). */
const NAME_CHARS_MAX = 253;

/**
 * Reads `host:port`; an IPv6 host stands in brackets. Port 0 is allowed: it means "any free one"
 * to whom listens.
 */
export function parseHostPort(text: string): ParsedHostPort {
  const [, ipv6, name, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  if (digits === undefined) return malformed(text, remedyFor(text));
  const host = ipv6 ?? name ?? "";
  const port = Number(digits);
  if (port > PORT_MAX) return malformed(text, `the port must be at most ${PORT_MAX}`);
  if (host === "") return malformed(text, `name a host, such as 127.0.0.1:${port}`);
  if (!(ipv6 === undefined ? isName(host) : isIPv6(host)))
    return malformed(text, `name a host, for ${host} is neither a name nor an IP address`);
  return { kind: "parsed", host, port };
}

export const formatHostPort = ({ host, port }: HostPort): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

/** Whether only this machine can reach `host`: a name or an IP address, without brackets. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 0) return /^(.+\.)?localhost\.?$/i.test(host);
  return /^(::ffff:)?127\.|^(0{0,4}:){2,7}0{0,3}1$/i.test(host);
}

const isName = (host: string): boolean =>
  host.length <= NAME_CHARS_MAX && /^[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?$/i.test(host);

function remedyFor(text: string): string {
  if (isIPv6(text)) return `write [${text}]:7070`;
  const [, ipv6, port] = /^(.*):(\d+)$/.exec(text) ?? [];
  if (ipv6 !== undefined && isIPv6(ipv6)) return `write [${ipv6}]:${port}`;
  return "write host:port, such as 127.0.0.1:7070 or [::1]:7070";
}

const malformed = (text: string, remedy: string): ParsedHostPort => ({
  kind: "malformed",
  explanation: `address ${JSON.stringify(text)} is not host:port: ${remedy}`,
});
