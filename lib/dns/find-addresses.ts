import { lookup, Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import type { AddressEntry } from "../address-list.ts";
import { formatHostPort, type HostPort } from "../host-port.ts";
import type { Random } from "../random.ts";
import { dnsLimits } from "./limits.ts";

/** The addresses that an entry stands for now, those to try first in front. */
export async function findAddresses(
  entry: AddressEntry,
  random: Random,
): Promise<readonly string[]> {
  if (entry.kind === "service") return findService(entry, random);
  const { port } = entry;
  return (await hostAddresses(entry.host)).map((host) => formatHostPort({ host, port }));
}

const hostAddresses = async (host: string): Promise<readonly string[]> =>
  isIP(host) > 0 ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);

type Service = Extract<AddressEntry, { kind: "service" }>;

async function findService({ name, server }: Service, random: Random): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: dnsLimits.forwardMs, tries: 1 });
  if (server) resolver.setServers([formatHostPort(server)]);
  const targets = inOrderToTry(await resolver.resolveSrv(name), random);
  const found = await Promise.all(
    targets.map(async ({ name: host, port }) =>
      (await targetAddresses(host, server, resolver)).map((address) =>
        formatHostPort({ host: address, port }),
      ),
    ),
  );
  return found.flat();
}

/** Who told of the target knows where it is. A target that is not found is one fewer. */
async function targetAddresses(
  host: string,
  server: HostPort | undefined,
  resolver: Resolver,
): Promise<readonly string[]> {
  if (!server) return hostAddresses(host).catch(() => []);
  const [four, six] = await Promise.all([
    resolver.resolve4(host).catch(() => []),
    resolver.resolve6(host).catch(() => []),
  ]);
  return [...four, ...six];
}

type Weighted = Readonly<{ priority: number; weight: number }>;

/** The lowest priority first; among equals by chance, those of greater weight rather earlier. */
export function inOrderToTry<T extends Weighted>(targets: readonly T[], random: Random): T[] {
  // Exponential variates: the smallest of them is each one's with a chance in proportion to its weight.
  const luck = new Map(
    targets.map((target) => [target, -Math.log(1 - random()) / (target.weight + 0.01)]),
  );
  const luckOf = (target: T) => luck.get(target) ?? 0;
  return [...targets].sort((a, b) => a.priority - b.priority || luckOf(a) - luckOf(b));
}
