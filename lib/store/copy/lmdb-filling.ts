import type { Clock } from "../../clock.ts";
import { lockFolder } from "../../folder-lock.ts";
import { openFolder } from "../lmdb-store.ts";
import {
  countEntries,
  kindOf,
  markStore,
  markUnfinished,
  storedRevision,
  type Tables,
  writeEntries,
} from "../lmdb-tables.ts";
import { refuseMoved } from "../moved-mark.ts";
import { type Entry, StoreError } from "../store.ts";
import { prepareFolder } from "../store-folder.ts";
import { turnPages } from "./lmdb-snapshot.ts";
import type { Filling } from "./store-copy.ts";

type Options = Readonly<{ folder: string; clock: Clock }>;

/**
 * Begins a store in a folder that has none, or whose copy was broken off. Throws a StoreError
 * that names what is there otherwise.
 */
export async function fillLmdbStore({ folder, clock }: Options): Promise<Filling> {
  await prepareFolder(folder);
  const lock = await lockFolder(folder, (problem) => new StoreError(`store folder ${problem}`));
  try {
    await refuseMoved(folder);
    const tables = await openFolder(folder);
    const close = () => tables.root.close().finally(lock.release);
    try {
      refuseFull(tables, folder);
      await markUnfinished(tables, clock);
      return fillingOf(tables, { folder, clock }, close);
    } catch (error) {
      await tables.root.close();
      throw error;
    }
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function refuseFull(tables: Tables, folder: string): void {
  if (kindOf(tables, folder) !== "store") return;
  const revision = storedRevision(tables);
  if (revision === 0n) return;
  const found = `${countEntries(tables, "")} entries, revision ${revision}`;
  const remedy = "choose another folder, or move this one away";
  throw new StoreError(`the store in ${folder} is not empty (${found}): ${remedy}`);
}

function fillingOf(tables: Tables, { clock }: Options, close: () => Promise<void>): Filling {
  return {
    add: (entries) => writeEntries(tables, clock, { changes: entries.map(putOf) }),
    pages: () => turnPages(tables),
    finish: (revision) => markStore(tables, clock, revision),
    close,
  };
}

const putOf = (entry: Entry) => ({ kind: "put", ...entry }) as const;
