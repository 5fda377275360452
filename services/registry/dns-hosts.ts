import { isIP } from "node:net";
import type { Clock } from "../../lib/clock.ts";
import { exhausted } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { createSlots } from "../../lib/slots.ts";
import { registryLimits } from "./limits.ts";

/** Addresses of hosts. An IP address is its own; a name is looked up, and again while it is held. */
export interface HostBook {
  /** What is known now: empty for a name that has not been found, or that nobody holds. */
  addressesOf(host: string): readonly string[];
  /** Begins to look a name up, until it was released as often as it was held. */
  hold(host: string): void;
  release(host: string): void;
  /** Ends all looking up. */
  close(): void;
}

type Deps = Readonly<{
  lookup: (host: string) => Promise<readonly string[]>;
  clock: Clock;
  log: Log;
}>;

type Entry = { holders: number; addresses: readonly string[]; disarm: () => void };

/** How long the addresses of a name hold. */
const REFRESH_MS = 30_000;

/** After which time a name that was not found is looked up again. */
const RETRY_MS = 5_000;

const NONE: readonly string[] = [];

export function createHostBook({ lookup, clock, log }: Deps): HostBook {
  const entries = new Map<string, Entry>();
  const slots = createSlots(registryLimits.hostLookups, {
    max: registryLimits.hostLookupsWaiting,
    refusal: (max) => exhausted("TOO_MANY_LOOKUPS", `${max} hosts wait to be looked up`),
  });

  /** Never rejects. A name that is not found keeps the addresses that it had. */
  async function refresh(host: string, entry: Entry): Promise<void> {
    const found = await slots
      .run(() => lookup(host))
      .catch((err: unknown) => {
        log.warn({ host, err }, "host not found, dns goes on without it");
        return NONE;
      });
    if (entries.get(host) !== entry) return;
    if (found.length > 0) entry.addresses = found;
    const delayMs = found.length > 0 ? REFRESH_MS : RETRY_MS;
    entry.disarm = clock.after(delayMs, () => void refresh(host, entry));
  }

  function drop(host: string, entry: Entry): void {
    entry.disarm();
    entries.delete(host);
  }

  return {
    addressesOf: (host) => entries.get(host)?.addresses ?? (isIP(host) > 0 ? [host] : NONE),
    hold(host) {
      const known = entries.get(host);
      if (known) {
        known.holders++;
        return;
      }
      const isAddress = isIP(host) > 0;
      const addresses = isAddress ? [host] : NONE;
      const entry: Entry = { holders: 1, addresses, disarm: () => undefined };
      entries.set(host, entry);
      if (!isAddress) void refresh(host, entry);
    },
    release(host) {
      const entry = entries.get(host);
      if (!entry) return;
      entry.holders--;
      if (entry.holders === 0) drop(host, entry);
    },
    close() {
      for (const [host, entry] of entries) drop(host, entry);
    },
  };
}
