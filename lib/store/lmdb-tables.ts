import { type Database, open as openLmdb, type RootDatabase, type Transaction } from "lmdb";
import type { Clock } from "../clock.ts";
import { type Entry, type Page, type StoreChange, StoreError } from "./store.ts";
import { keyBytes, keyRange } from "./store-key.ts";

/** How this version lays out a store. Grows when an older version could no longer read it. */
const FORMAT = "1";

/** The format of a copy that is being made, so that no version takes it for a store. */
const UNFINISHED = "copying";

/** Every stored value begins with its revision: unsigned, 8 bytes, the highest first. */
const REVISION_BYTES = 8;

const FORMAT_KEY = Buffer.from("format");
const REVISION_KEY = Buffer.from("revision");

/** A moment that reads can be made at; see `useReadTransaction`. */
export type Moment = Transaction;

type Table = Database<Buffer, Buffer>;

export type Tables = Readonly<{
  root: RootDatabase<Buffer, Buffer>;
  entries: Table;
  /** The format and the revision. */
  meta: Table;
}>;

const encoding = { encoding: "binary", keyEncoding: "binary" } as const;

/** Opens the tables in a folder, or makes them. Under `readOnly` they must be there. */
export function openTables(folder: string, { readOnly = false } = {}): Tables {
  try {
    // With overlapping sync, lmdb-js resolves a commit before its flush, and the promise of the
    // flush never settles when the flush fails. Without, it resolves after fdatasync of the pages
    // and a write of the root page through O_DSYNC: what is acknowledged is on disk.
    const root = openLmdb<Buffer, Buffer>({
      path: folder,
      noSubdir: false,
      overlappingSync: false,
      // With it lmdb-js opens a batch of its own around ours, and nobody can listen to that one's
      // promise: when a flush fails, its rejection ends the process before the store can say why.
      eventTurnBatching: false,
      maxDbs: 2,
      readOnly,
      ...encoding,
    });
    const entries = root.openDB<Buffer, Buffer>({ name: "entries", ...encoding });
    return { root, entries, meta: root.openDB<Buffer, Buffer>({ name: "meta", ...encoding }) };
  } catch (cause) {
    throw new StoreError(`cannot open the store in ${folder}`, { cause });
  }
}

/** What the tables are of: nothing yet, a copy that is not finished, or a store. */
export function kindOf(
  { meta }: Tables,
  folder: string,
  transaction?: Moment,
): "new" | "unfinished" | "store" {
  const format = meta.get(FORMAT_KEY, transaction && { transaction })?.toString();
  if (format === undefined) return "new";
  if (format === UNFINISHED) return "unfinished";
  if (format === FORMAT) return "store";
  const known = `has format ${format} and this version of Berth knows ${FORMAT}`;
  throw new StoreError(`the store in ${folder} ${known}: use the version that wrote it`);
}

/** Makes the tables those of a store, with this revision. */
export const markStore = (tables: Tables, clock: Clock, revision: bigint): Promise<void> =>
  durably(tables, clock, () => putMeta(tables, FORMAT, revision));

/** Makes the tables those of an unfinished copy, without an entry. */
export const markUnfinished = (tables: Tables, clock: Clock): Promise<void> =>
  durably(tables, clock, () => {
    for (const key of tables.entries.getKeys()) void tables.entries.remove(key);
    putMeta(tables, UNFINISHED, 0n);
  });

function putMeta({ meta }: Tables, format: string, revision: bigint): void {
  void meta.put(FORMAT_KEY, Buffer.from(format));
  void meta.put(REVISION_KEY, revisionBytes(revision));
}

/** Writes changes, and the store's revision unless it is only a part that changes. */
export const writeEntries = (
  tables: Tables,
  clock: Clock,
  { changes, revision }: Readonly<{ changes: readonly StoreChange[]; revision?: bigint }>,
): Promise<void> =>
  durably(tables, clock, () => {
    writeChanges(tables, changes);
    if (revision !== undefined) void tables.meta.put(REVISION_KEY, revisionBytes(revision));
  });

/** All values in one piece of memory, each behind its revision: many small pieces are dear. */
function writeChanges({ entries }: Tables, changes: readonly StoreChange[]): void {
  const bytes = Buffer.allocUnsafeSlow(
    changes.reduce((sum, change) => sum + storedBytes(change), 0),
  );
  let end = 0;
  for (const change of changes) {
    const key = keyBytes(change.key);
    if (change.kind === "delete") {
      void entries.remove(key);
      continue;
    }
    const start = end;
    end += storedBytes(change);
    bytes.set(change.value, bytes.writeBigUInt64BE(change.revision, start));
    void entries.put(key, bytes.subarray(start, end));
  }
}

const storedBytes = (change: StoreChange): number =>
  change.kind === "delete" ? 0 : REVISION_BYTES + change.value.length;

/** Runs `action`'s writes in one transaction of its own; resolves when it is on disk. */
async function durably({ root }: Tables, clock: Clock, action: () => void): Promise<void> {
  try {
    await root.batch(action);
  } catch (error) {
    throw await Promise.race([reasonOf(error), clock.turn().then(() => error)]);
  }
}

/**
 * lmdb-js keeps the true reason of a failed commit in a second promise, whose rejection would
 * end the process if nobody listened. It is not sure to settle.
 */
async function reasonOf(error: unknown): Promise<unknown> {
  try {
    if (typeof error === "object" && error !== null && "commitError" in error)
      await error.commitError;
    return error;
  } catch (reason) {
    return reason;
  }
}

/** The stored revision, now or as `transaction` sees it. */
export const storedRevision = ({ meta }: Tables, transaction?: Moment): bigint =>
  meta.get(REVISION_KEY, transaction && { transaction })?.readBigUInt64BE() ?? 0n;

export function getEntry({ entries }: Tables, key: string): Entry | undefined {
  const stored = entries.get(keyBytes(key));
  // Copied: the memory that LMDB hands out here is used again for the next read.
  return stored && entryOf(key, Buffer.from(stored));
}

/** As `Store.list`, now or as `transaction` sees it. */
export function listEntries(
  { entries }: Tables,
  prefix: string,
  { after, limit, transaction }: Page & Readonly<{ transaction?: Moment }>,
): readonly Entry[] {
  if (limit === 0) return [];
  const options = {
    ...rangeOf(prefix, after),
    ...(limit === undefined ? {} : { limit }),
    ...(transaction && { transaction }),
  };
  return Array.from(entries.getRange(options), ({ key, value }) => entryOf(key.toString(), value));
}

export const countEntries = ({ entries }: Tables, prefix: string): number =>
  entries.getKeysCount(rangeOf(prefix));

function rangeOf(prefix: string, after?: string) {
  const { start, end } = keyRange(prefix, after);
  return end ? { start, end } : { start };
}

function revisionBytes(revision: bigint): Buffer {
  const bytes = Buffer.alloc(REVISION_BYTES);
  bytes.writeBigUInt64BE(revision);
  return bytes;
}

/** An entry on the memory of `stored`. A range gives each value memory of its own. */
const entryOf = (key: string, stored: Buffer): Entry => ({
  key,
  revision: stored.readBigUInt64BE(),
  value: new Uint8Array(
    stored.buffer,
    stored.byteOffset + REVISION_BYTES,
    stored.length - REVISION_BYTES,
  ),
});
