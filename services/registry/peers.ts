import { type AddressEntry, formatAddressEntry } from "../../lib/address-list.ts";
import { orAborted } from "../../lib/rpc/abortable.ts";
import { registryLimits } from "./limits.ts";
import { type PeerDeps, runPeerLink } from "./peer-link.ts";

/**
 * Keeps a link to every address that the entries stand for, until `signal` aborts. Names are looked
 * up again and again: who appears is called, who is gone is left.
 */
export async function runPeers(
  entries: readonly AddressEntry[],
  deps: PeerDeps,
  signal: AbortSignal,
): Promise<void> {
  const links = createLinks(deps);
  const find = createFinder(deps);
  while (!signal.aborted) {
    const found = await unlessAborted(find(entries), signal);
    if (found) links.keepOnly(found);
    await deps.clock.sleep(registryLimits.peerLookupMs, signal);
  }
  await links.end();
}

/** Undefined once `signal` aborts: a look-up may take longer than anybody waits. */
const unlessAborted = <T>(finding: Promise<T>, signal: AbortSignal): Promise<T | undefined> =>
  orAborted(finding, signal, () => undefined).catch(() => undefined);

/** Who is there: of an entry that cannot be found now, who was there before. */
function createFinder({ wire, log }: PeerDeps) {
  const known = new Map<AddressEntry, readonly string[]>();
  return async (entries: readonly AddressEntry[]): Promise<ReadonlySet<string>> => {
    for (const entry of entries) {
      try {
        known.set(entry, await wire.find(entry));
      } catch (err) {
        log.debug({ peers: formatAddressEntry(entry), err }, "peers not found");
      }
    }
    return new Set([...known.values()].flat());
  };
}

type Link = Readonly<{ stop: AbortController; ended: Promise<void> }>;

function createLinks(deps: PeerDeps) {
  const links = new Map<string, Link>();

  function begin(address: string): void {
    if (links.size >= registryLimits.peers) {
      deps.log.warn({ peer: address, peersMax: registryLimits.peers }, "too many peers, left out");
      return;
    }
    const stop = new AbortController();
    links.set(address, { stop, ended: runPeerLink(address, deps, stop.signal) });
  }

  function leave(address: string, { stop }: Link): void {
    stop.abort();
    links.delete(address);
  }

  return {
    keepOnly(addresses: ReadonlySet<string>): void {
      for (const [address, link] of links) if (!addresses.has(address)) leave(address, link);
      for (const address of addresses) if (!links.has(address)) begin(address);
    },
    async end(): Promise<void> {
      const all = [...links.values()];
      for (const { stop } of all) stop.abort();
      await Promise.all(all.map(({ ended }) => ended));
    },
  };
}
