import { type Database, open as openLmdb, type RootDatabase } from "lmdb";
import type { Clock } from "../clock.ts";
import { lockFolder } from "../folder-lock.ts";
import { createEngineStore, type Engine } from "./engine-store.ts";
import { type Entry, type Store, type StoreChange, StoreError } from "./store.ts";
import { closeToOthers, prepareFolder, refuseForeignData, syncFolder } from "./store-folder.ts";
import { keyBytes, keyRange } from "./store-key.ts";

type Options = Readonly<{
  /** Made if missing. Must not be open to other users. */
  folder: string;
  clock: Clock;
  /** How many changes are remembered for watchers. */
  historyMax?: number;
  /** Told once, when the disk failed: the store refuses everything then, the process should stop. */
  onFailure?: (error: StoreError) => void;
}>;

/** How this version lays out a store. Grows when an older version could no longer read it. */
const FORMAT = 1;

/** Every stored value begins with its revision: unsigned, 8 bytes, the highest first. */
const REVISION_BYTES = 8;

const FORMAT_KEY = Buffer.from("format");
const REVISION_KEY = Buffer.from("revision");

/**
 * A store in LMDB, one folder a store. A commit that has resolved survives the process, the
 * kernel and the power. Throws a StoreError when the folder cannot be used, with the remedy.
 */
export async function openLmdbStore(options: Options): Promise<Store> {
  const { folder } = options;
  await prepareFolder(folder);
  const lock = await lockFolder(folder, (problem) => new StoreError(`store folder ${problem}`));
  try {
    const engine = await openEngine(folder, options.clock);
    const close = () => engine.close().finally(lock.release);
    return createEngineStore({ ...engine, close }, options);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openEngine(folder: string, clock: Clock): Promise<Engine> {
  await refuseForeignData(folder);
  const tables = { ...openTables(folder), clock };
  try {
    await closeToOthers(folder);
    await checkFormat(tables, folder);
    await syncFolder(folder);
    return engineOver(tables);
  } catch (error) {
    await tables.root.close();
    throw error;
  }
}

type Table = Database<Buffer, Buffer>;

type Tables = Readonly<{
  clock: Clock;
  root: RootDatabase<Buffer, Buffer>;
  entries: Table;
  /** The format and the revision. */
  meta: Table;
}>;

function openTables(folder: string): Omit<Tables, "clock"> {
  const encoding = { encoding: "binary", keyEncoding: "binary" } as const;
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
      ...encoding,
    });
    const entries = root.openDB<Buffer, Buffer>({ name: "entries", ...encoding });
    return { root, entries, meta: root.openDB<Buffer, Buffer>({ name: "meta", ...encoding }) };
  } catch (cause) {
    throw new StoreError(`cannot open the store in ${folder}`, { cause });
  }
}

async function checkFormat(tables: Tables, folder: string): Promise<void> {
  const { meta } = tables;
  const format = meta.get(FORMAT_KEY)?.toString();
  if (format === undefined) {
    await durably(tables, () => {
      void meta.put(FORMAT_KEY, Buffer.from(String(FORMAT)));
      void meta.put(REVISION_KEY, revisionBytes(0n));
    });
  } else if (format !== String(FORMAT)) {
    const known = `has format ${format} and this version of Berth knows ${FORMAT}`;
    throw new StoreError(`the store in ${folder} ${known}: use the version that wrote it`);
  }
}

function engineOver(tables: Tables): Engine {
  const { root, entries, meta } = tables;
  const rangeOf = (prefix: string, after?: string) => {
    const { start, end } = keyRange(prefix, after);
    return end ? { start, end } : { start };
  };
  return {
    revision: meta.get(REVISION_KEY)?.readBigUInt64BE() ?? 0n,
    get(key) {
      const stored = entries.get(keyBytes(key));
      // Copied: the memory that LMDB hands out here is used again for the next read.
      return stored && entryOf(key, Buffer.from(stored));
    },
    list(prefix, { after, limit }) {
      if (limit === 0) return [];
      const options = { ...rangeOf(prefix, after), ...(limit === undefined ? {} : { limit }) };
      return Array.from(entries.getRange(options), ({ key, value }) =>
        entryOf(key.toString(), value),
      );
    },
    count: (prefix) => entries.getKeysCount(rangeOf(prefix)),
    write: (changes, revision) =>
      durably(tables, () => {
        for (const change of changes) writeChange(entries, change);
        void meta.put(REVISION_KEY, revisionBytes(revision));
      }),
    close: () => root.close(),
  };
}

function writeChange(entries: Table, change: StoreChange): void {
  if (change.kind === "delete") void entries.remove(keyBytes(change.key));
  else
    void entries.put(
      keyBytes(change.key),
      Buffer.concat([revisionBytes(change.revision), change.value]),
    );
}

/** Runs `action`'s writes in one transaction of its own; resolves when it is on disk. */
async function durably({ root, clock }: Tables, action: () => void): Promise<void> {
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
