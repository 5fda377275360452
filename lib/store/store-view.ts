import type { Entry } from "./store.ts";

/** What somebody sees of a shared store who writes nothing and holds no copy. */
export interface StoreView {
  /**
   * Looks at some keys and at all under a prefix, at one moment: the latest that the store's
   * majority agrees on. Throws a StoreError when the store cannot be reached or is none.
   */
  look(keys: readonly string[], prefix: string): Promise<Glance>;
  /** Lets go of the engine. Idempotent. */
  close(): Promise<void>;
}

/** What a store held at one moment. */
export type Glance = Readonly<{
  /** Of the moment. Never less than of an earlier look, unless the store's past was restored. */
  moment: bigint;
  /** Whether somebody led. */
  isLed: boolean;
  /** The entries of the keys that exist. */
  entries: ReadonlyMap<string, Entry>;
  /** The entries under the prefix, in order. */
  listed: readonly Entry[];
}>;
