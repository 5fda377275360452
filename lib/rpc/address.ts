/** A host and a port; IPv6 hosts without their brackets. */
export type HostPort = Readonly<{ host: string; port: number }>;

const PORT_MAX = 65_535;

/** Reads `host:port` or `[ipv6]:port`. Throws an Error that shows how it should look. */
export function parseAddress(text: string): HostPort {
  const [, ipv6, name, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits);
  if (host === undefined || port > PORT_MAX) {
    throw new Error(`address ${text} is not host:port: write 127.0.0.1:7070 or [::1]:7070`);
  }
  return { host, port };
}

export const formatAddress = ({ host, port }: HostPort): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

/** Whether an IP address is this machine's own, also in IPv6 clothes. */
export const isLoopback = (ip: string): boolean => /^(::ffff:)?127\.|^::1$/.test(ip);
