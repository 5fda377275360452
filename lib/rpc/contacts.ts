import { createAddressCycle } from "../address-cycle.ts";
import { parseAddressList } from "../address-list.ts";
import { assert } from "../assert.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { orAborted } from "./abortable.ts";
import type { Channel } from "./channel.ts";
import { clientLimits } from "./limits.ts";
import type { Wire } from "./wire.ts";

/** A new connection to one of several servers that serve the same. */
export type Contact = Readonly<{
  channel: Channel;
  /** Whether there are others: then it does not pay to be patient with this one. */
  hasChoice: boolean;
}>;

/** The ways to several servers that serve the same, for who keeps one call open to any of them. */
export interface Contacts {
  /**
   * To the server after the one before, round and round. Rejects with UNAVAILABLE when none is
   * found, and when `signal` aborts.
   */
  next(signal: AbortSignal): Promise<Contact>;
  /** To the same server as before. */
  again(signal: AbortSignal): Promise<Contact>;
}

type Deps = Readonly<{ wire: Pick<Wire, "connect" | "find">; clock: Clock; log: Log }>;

/** `addresses` as `parseAddressList` reads them. */
export function createContacts(addresses: string, { wire, clock, log }: Deps): Contacts {
  const list = parseAddressList(addresses);
  assert(list.kind === "parsed", `addresses ${addresses} were parsed before`);
  const cycle = createAddressCycle(list.entries, wire.find);
  let last: string | undefined;

  function open(address: string): Contact {
    last = address;
    const hasChoice = cycle.hasChoice();
    const patience = hasChoice ? { connectMs: clientLimits.connectMsWithChoice } : {};
    return { channel: wire.connect({ address, clock, log, ...patience }), hasChoice };
  }

  const next = async (signal: AbortSignal) =>
    open(await orAborted(cycle.next(), signal, () => undefined));
  return {
    next,
    again: async (signal) => (last === undefined ? next(signal) : open(last)),
  };
}
