import { type Entry, StoreError } from "../store.ts";
import { createTally, type Tally } from "./tally.ts";

/** All entries of a store in the order of their keys, some at a time. */
export type Pages = AsyncIterable<readonly Entry[]>;

/** A store as it was at one moment, whatever is written to it meanwhile. */
export interface Snapshot {
  /** The store's own at that moment. */
  readonly revision: bigint;
  pages(): Pages;
  /** Lets go of the moment. */
  close(): Promise<void>;
}

/** A store that is being made. Until it is finished nobody takes it for one. */
export interface Filling {
  /** More entries, in the order of their keys. Durable when it resolves. */
  add(entries: readonly Entry[]): Promise<void>;
  /** What was added, read back. */
  pages(): Pages;
  /** Makes it a store, with this revision. Durable when it resolves. */
  finish(revision: bigint): Promise<void>;
  close(): Promise<void>;
}

/**
 * Fills a store and reads it back. Tells what was copied, or throws a StoreError when what came
 * out is not what went in. The filling is not finished yet.
 */
export async function fill(filling: Filling, pages: Pages, signal: AbortSignal): Promise<Tally> {
  const given = createTally();
  for await (const page of pages) {
    signal.throwIfAborted();
    await filling.add(page);
    given.add(page);
  }
  const found = createTally();
  for await (const page of filling.pages()) {
    signal.throwIfAborted();
    found.add(page);
  }
  const [wanted, actual] = [given.tally(), found.tally()];
  if (wanted.entries === actual.entries && wanted.digest === actual.digest) return wanted;
  throw new StoreError(
    `the copy has ${actual.entries} entries with digest ${actual.digest} instead of ` +
      `${wanted.entries} with ${wanted.digest}: does somebody else write there? copy it again`,
  );
}
