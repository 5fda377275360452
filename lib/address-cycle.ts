import { type AddressEntry, formatAddressEntry } from "./address-list.ts";
import { unavailable } from "./errors.ts";

/** The addresses, `address:port`, that an entry stands for now. Rejects when it cannot be told. */
export type FindAddresses = (entry: AddressEntry) => Promise<readonly string[]>;

/**
 * Whom to call, one after another: every address of the first entry, of the second, and from the
 * last on to the first again. An entry is looked up when it is its turn, so that one that cannot be
 * found holds up nobody who does not need it, and that each round goes by what is true by then.
 */
export interface AddressCycle {
  /** The address after the one given before. Rejects with UNAVAILABLE when none is found. */
  next(): Promise<string>;
  /** Whether there is more than one to choose from, as far as is known. */
  hasChoice(): boolean;
}

export function createAddressCycle(
  entries: readonly AddressEntry[],
  find: FindAddresses,
): AddressCycle {
  let position = 0;
  let found: readonly string[] = [];
  let given = 0;

  /** Goes on to an entry that stands for an address, once around at most. */
  async function lookUp(): Promise<void> {
    const failures: string[] = [];
    for (let looked = 0; given >= found.length; looked++) {
      const entry = entries[position];
      if (!entry || looked === entries.length) throw notFound(failures);
      position = (position + 1) % entries.length;
      found = await find(entry).catch((error: unknown) => {
        failures.push(`${formatAddressEntry(entry)}: ${wordsOf(error)}`);
        return [];
      });
      given = 0;
    }
  }

  return {
    async next() {
      await lookUp();
      return found[given++] ?? "";
    },
    hasChoice: () => entries.length > 1 || found.length > 1,
  };
}

const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

const notFound = (failures: readonly string[]) =>
  unavailable("NOT_CONNECTED", `no address was found: ${failures.join("; ") || "no records"}`);
