import type { Clock } from "../clock.ts";
import { lockFolder } from "../folder-lock.ts";
import { createEngineStore, type Engine } from "./engine-store.ts";
import {
  countEntries,
  getEntry,
  kindOf,
  listEntries,
  markStore,
  openTables,
  storedRevision,
  type Tables,
  writeEntries,
} from "./lmdb-tables.ts";
import { refuseMoved } from "./moved-mark.ts";
import { type Store, StoreError } from "./store.ts";
import { closeToOthers, prepareFolder, refuseForeignData, syncFolder } from "./store-folder.ts";

type Options = Readonly<{
  /** Made if missing. Must not be open to other users. */
  folder: string;
  clock: Clock;
  /** How many changes are remembered for watchers. */
  historyMax?: number;
  /** Told once, when the disk failed: the store refuses everything then, the process should stop. */
  onFailure?: (error: StoreError) => void;
}>;

/**
 * A store in LMDB, one folder a store. A commit that has resolved survives the process, the
 * kernel and the power. Throws a StoreError when the folder cannot be used, with the remedy.
 */
export async function openLmdbStore(options: Options): Promise<Store> {
  const { folder, clock } = options;
  await prepareFolder(folder);
  const lock = await lockFolder(folder, (problem) => new StoreError(`store folder ${problem}`));
  try {
    await refuseMoved(folder);
    const tables = await openFolder(folder);
    const engine = await engineOver(tables, options).catch(async (error: unknown) => {
      await tables.root.close();
      throw error;
    });
    const close = () => tables.root.close().finally(lock.release);
    return createEngineStore({ ...engine, close }, { ...options, clock });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Opens the tables in a folder that is this process's alone. */
export async function openFolder(folder: string): Promise<Tables> {
  await refuseForeignData(folder);
  const tables = openTables(folder);
  try {
    await closeToOthers(folder);
    await syncFolder(folder);
    return tables;
  } catch (error) {
    await tables.root.close();
    throw error;
  }
}

async function engineOver(
  tables: Tables,
  { folder, clock }: Options,
): Promise<Omit<Engine, "close">> {
  const kind = kindOf(tables, folder);
  if (kind === "unfinished") throw unfinished(folder);
  if (kind === "new") await markStore(tables, clock, 0n);
  return {
    revision: storedRevision(tables),
    get: (key) => getEntry(tables, key),
    list: (prefix, page) => listEntries(tables, prefix, page),
    count: (prefix) => countEntries(tables, prefix),
    write: (changes, revision) => writeEntries(tables, clock, { changes, revision }),
  };
}

/** What is said of a folder whose restore was broken off. */
const unfinished = (folder: string): StoreError =>
  new StoreError(`the store in ${folder} was not wholly restored: restore it again`);
