import type { Store } from "./store.ts";

/** What anybody may do with a store that another one writes. */
export type ReadStore = Pick<Store, "get" | "list" | "count" | "watch" | "revision">;

/** A store that several processes have, of which one at a time writes. */
export interface SharedStore extends ReadStore {
  /**
   * Waits until this process leads, or until `signal` aborts: then undefined. Throws a StoreError when
   * the store is out of reach for a while.
   */
  campaign(candidacy: Candidacy, signal: AbortSignal): Promise<Reign | undefined>;
  /** Lets go of the engine. Idempotent. */
  close(): Promise<void>;
}

export type Candidacy = Readonly<{
  /** What the others read of this process while it leads: its address. */
  name: string;
  /** Told who leads as often as that is learnt; undefined when nobody does or nobody can tell. */
  onLeader: (name: string | undefined) => void;
}>;

/** For as long as this process leads. */
export type Reign = Readonly<{
  /** Writes while this process leads; later a StoreError of the kind `fenced`. */
  store: Store;
  /** Whether it leads, by a clock that never jumps: false before another one can. */
  leads(): boolean;
  /** Aborts when it no longer leads. A process that was paused learns it later than by `leads`. */
  lost: AbortSignal;
  /** Lets another one lead at once, and then closes `store`, whoever may be using it. Never rejects. */
  resign(): Promise<void>;
}>;
