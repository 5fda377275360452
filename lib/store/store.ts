/** A stored value and the revision that wrote it. */
export type Entry = Readonly<{ key: string; value: Uint8Array; revision: bigint }>;

/** What must hold for a batch to be written: the key's current revision, 0n for "does not exist". */
export type Guard = Readonly<{ key: string; revision: bigint }>;

export type Write =
  | Readonly<{ kind: "put"; key: string; value: Uint8Array }>
  | Readonly<{ kind: "delete"; key: string }>;

/**
 * Writes that happen together or not at all. At most one write a key, no more than `Store.limits`.
 * A store may keep the batch and its values: nobody may change them once it was handed in.
 */
export type Batch = Readonly<{ guards?: readonly Guard[]; writes: readonly Write[] }>;

export type CommitResult =
  | Readonly<{ kind: "committed"; revision: bigint }>
  /** Nothing was written: `guard` does not hold. */
  | Readonly<{ kind: "refused"; guard: Guard; actualRevision: bigint }>;

export type StoreChange =
  | Readonly<{ kind: "put"; key: string; value: Uint8Array; revision: bigint }>
  | Readonly<{ kind: "delete"; key: string; revision: bigint }>;

export type Page = Readonly<{ after?: string; limit?: number }>;

/** The most that one batch may hold. Whoever gathers writes cuts there; more is a bug. */
export type BatchLimits = Readonly<{
  /** Writes and guards together. */
  operations: number;
  /** Of all keys and values of the writes together. */
  bytes: number;
}>;

/**
 * A durable, ordered map with revisions. Three engines serve it, one conformance
 * suite (`store-conformance.ts`) says what each must do.
 *
 * Keys are non-empty strings of at most 512 UTF-8 bytes, ordered by their bytes.
 * The revision grows by one with every batch that writes. A failure of the
 * engine (disk full, lost connection) rejects with a `StoreError`, whose `kind` says what
 * to do about it; what was acknowledged before stays.
 */
export interface Store {
  readonly limits: BatchLimits;
  /** The entry of a key, or undefined. Sees every commit that has resolved. */
  get(key: string): Promise<Entry | undefined>;
  /** Entries whose keys begin with `prefix`, in order, after the key `page.after`, at most `page.limit`. */
  list(prefix: string, page?: Page): Promise<readonly Entry[]>;
  /** How many keys begin with `prefix`. */
  count(prefix: string): Promise<number>;
  /**
   * Writes a batch if its guards hold. Resolves once it is durable: on disk,
   * flushed. Batches are applied in the order of the calls. An empty batch
   * writes nothing and answers with the current revision.
   */
  commit(batch: Batch): Promise<CommitResult>;
  /**
   * Every durable change of keys under `prefix` after `afterRevision`, in order, the changes
   * of one batch together, until `signal` aborts (then it ends without an
   * error). Throws a `CompactedError` when that history is no longer kept.
   */
  watch(prefix: string, afterRevision: bigint, signal: AbortSignal): AsyncIterable<StoreChange[]>;
  /** The revision of the latest durable batch; 0n in an empty store. */
  revision(): Promise<bigint>;
  /** Waits for what was accepted, then lets go of the engine. Idempotent. */
  close(): Promise<void>;
}

/**
 * What a failure of the engine means. `failed`: the process should stop, for what it holds in
 * memory may not be what is stored. `fenced`: it should stop as well, for another one leads.
 * `unavailable`: the engine is out of reach, comes back by itself, and nothing was written.
 */
export type StoreErrorKind = "failed" | "fenced" | "unavailable";

/** The engine failed. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly kind: StoreErrorKind;

  constructor(message: string, options: ErrorOptions & { kind?: StoreErrorKind } = {}) {
    super(message, options);
    this.kind = options.kind ?? "failed";
  }
}

/** The history a watch asked for is gone: list, then watch from there. */
export class CompactedError extends Error {
  override readonly name = "CompactedError";
}
