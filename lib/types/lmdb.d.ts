/**
 * The part of lmdb that Berth uses. The package's own types end in `export =`, which TypeScript
 * refuses in an ES module; tsconfig.json puts these in their place.
 */

type Encoding = Readonly<{ encoding: "binary"; keyEncoding: "binary" }>;

/** A moment that reads can be made at, until it is done with. */
export interface Transaction {
  done(): void;
}

type Moment = Readonly<{ transaction?: Transaction }>;

type Range<K> = Moment & Readonly<{ start?: K; end?: K; limit?: number }>;

export interface Database<V, K> {
  get(key: K, moment?: Moment): V | undefined;
  put(key: K, value: V): Promise<boolean>;
  remove(key: K): Promise<boolean>;
  getRange(range: Range<K>): Iterable<{ key: K; value: V }>;
  getKeys(): Iterable<K>;
  getKeysCount(range: Range<K>): number;
}

export interface RootDatabase<V, K> extends Database<V, K> {
  openDB<W, L>(options: Encoding & Readonly<{ name: string }>): Database<W, L>;
  /** Runs `action`'s writes in one transaction; resolves once it is committed. */
  batch(action: () => void): Promise<boolean>;
  /** The latest moment. Kept until it is done with. */
  useReadTransaction(): Transaction;
  close(): Promise<void>;
}

export function open<V, K>(
  options: Encoding &
    Readonly<{
      path: string;
      noSubdir: boolean;
      overlappingSync: boolean;
      eventTurnBatching?: boolean;
      maxDbs: number;
      /** Under it, tables that are not there are not made: `openDB` throws. */
      readOnly?: boolean;
    }>,
): RootDatabase<V, K>;
