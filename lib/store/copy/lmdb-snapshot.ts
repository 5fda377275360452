import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { lockFolder } from "../../folder-lock.ts";
import {
  kindOf,
  listEntries,
  type Moment,
  openTables,
  storedRevision,
  type Tables,
} from "../lmdb-tables.ts";
import { StoreError } from "../store.ts";
import { refuseForeignData } from "../store-folder.ts";
import type { Pages, Snapshot } from "./store-copy.ts";

/**
 * The store in `folder` as it is now. Another process may write to it: LMDB keeps the pages of
 * this moment until the snapshot is closed, and the file grows by what is written meanwhile.
 */
export async function openLmdbSnapshot(folder: string): Promise<Snapshot> {
  await refuseMissing(folder);
  await refuseTwin(folder);
  return snapshotOf(folder, () => Promise.resolve());
}

/** As `openLmdbSnapshot`, of a store that no other process opens until the snapshot is closed. */
export async function takeLmdbSnapshot(folder: string): Promise<Snapshot> {
  await refuseMissing(folder);
  const lock = await lockFolder(folder, (problem) => new StoreError(`store folder ${problem}`));
  try {
    return await snapshotOf(folder, lock.release);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

const refuseMissing = (folder: string): Promise<void> =>
  access(join(folder, "data.mdb")).catch(() => {
    throw new StoreError(
      `there is no store in ${folder}, or it is another user's: name another, or run as that user`,
    );
  });

/**
 * LMDB tells the readers of several processes apart by their numbers. Processes of two containers
 * may have the same, and then one that ends would let go of what the other reads.
 */
async function refuseTwin(folder: string): Promise<void> {
  const owner = await readFile(join(folder, "owner.json"), "utf8").catch(() => "");
  if (!new RegExp(`"pid":${process.pid}\\b`).test(owner)) return;
  const twin = `the store in ${folder} is in use by a process of another container`;
  throw new StoreError(
    `${twin}, with this one's number ${process.pid}: run this in that container`,
  );
}

async function snapshotOf(folder: string, release: () => Promise<void>): Promise<Snapshot> {
  await refuseForeignData(folder);
  const tables = openTables(folder, { readOnly: true });
  try {
    const transaction = tables.root.useReadTransaction();
    if (kindOf(tables, folder, transaction) !== "store")
      throw new StoreError(`the store in ${folder} was not wholly restored: restore it again`);
    return {
      revision: storedRevision(tables, transaction),
      pages: () => turnPages(tables, transaction),
      async close() {
        transaction.done();
        await tables.root.close();
        await release();
      },
    };
  } catch (error) {
    await tables.root.close();
    throw error;
  }
}

const PAGE_SIZE = 1_000;

/** All entries, now or as `transaction` sees them. */
export async function* turnPages(tables: Tables, transaction?: Moment): Pages {
  for (let after: string | undefined; ; ) {
    const place = { ...(transaction && { transaction }), ...(after !== undefined && { after }) };
    const page = listEntries(tables, "", { limit: PAGE_SIZE, ...place });
    if (page.length > 0) yield page;
    if (page.length < PAGE_SIZE) return;
    after = page.at(-1)?.key;
  }
}
