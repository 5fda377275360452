import { put } from "../../lib/store/conformance/conformance-words.ts";
import { openLmdbStore } from "../../lib/store/lmdb-store.ts";
import type { Entry, Store } from "../../lib/store/store.ts";
import { surroundings } from "./etcd-rig.ts";

const { clock } = surroundings;

/** More than etcd answers with at once. */
export const TASKS = 1_500;

/** Some cluster's ledger; every task has a revision of the store of its own. */
export async function writeLedger(store: Store): Promise<void> {
  const numbers = [put("meta/cluster-id", "berth"), put("meta/epoch", "4")];
  await store.commit({ writes: [...numbers, put("meta/revision", "77")] });
  const tasks = Array.from({ length: TASKS }, (_, n) => put(`task/${n}`, "x".repeat(n)));
  await Promise.all(tasks.map((task) => store.commit({ writes: [task] })));
}

/** Makes an embedded store in a folder, and tells what is in it. */
export async function embeddedIn(folder: string) {
  const store = await openLmdbStore({ folder, clock });
  await writeLedger(store);
  const [entries, revision] = [await store.list(""), await store.revision()];
  await store.close();
  return { folder, entries, revision };
}

/** Entries as texts: jest compares those in no time. */
export const asTexts = (entries: readonly Entry[]) =>
  entries.map(({ key, revision, value }) => `${key} ${revision} ${Buffer.from(value)}`);
