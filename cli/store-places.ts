import type { Clock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import { socketWire } from "../lib/rpc/wire.ts";
import { fillEtcdStore } from "../lib/store/copy/etcd-filling.ts";
import { findEtcdSnapshot, openEtcdSnapshot } from "../lib/store/copy/etcd-snapshot.ts";
import { fillLmdbStore } from "../lib/store/copy/lmdb-filling.ts";
import { openLmdbSnapshot } from "../lib/store/copy/lmdb-snapshot.ts";
import type { Filling, Snapshot } from "../lib/store/copy/store-copy.ts";
import { type EtcdClient, openEtcdClient } from "../lib/store/etcd/etcd-client.ts";
import type { EtcdPlace } from "../lib/store/etcd-place.ts";

/** Where a manager's store is. */
export type StorePlace =
  | Readonly<{ kind: "folder"; folder: string }>
  | Readonly<{ kind: "etcd"; etcd: EtcdPlace }>;

type Deps = Readonly<{ clock: Clock; random: Random }>;

/** The store at a place as it is now. */
export const openSnapshot = (place: StorePlace, deps: Deps): Promise<Snapshot> =>
  place.kind === "folder"
    ? openLmdbSnapshot(place.folder)
    : withClient(place.etcd, deps, (client) => openEtcdSnapshot(client, place.etcd.prefix));

/** What a copy to etcd has become: a snapshot of the store, or undefined when it is none yet. */
export const findArrival = (etcd: EtcdPlace, deps: Deps) =>
  withClient(etcd, deps, async (client) => {
    const snapshot = await findEtcdSnapshot(client, etcd.prefix);
    return { snapshot, close: async () => snapshot?.close() };
  });

/** A store to be made at a place that has none. */
export const openFilling = (place: StorePlace, deps: Deps): Promise<Filling> =>
  place.kind === "folder"
    ? fillLmdbStore({ folder: place.folder, clock: deps.clock })
    : withClient(place.etcd, deps, (client) =>
        fillEtcdStore({ client, prefix: place.etcd.prefix, random: deps.random }),
      );

/** What `open` makes of a client, which is closed with it. */
async function withClient<T extends { close(): Promise<void> }>(
  { endpoints, tls, user }: EtcdPlace,
  { clock, random }: Deps,
  open: (client: EtcdClient) => Promise<T>,
): Promise<T> {
  const access = { endpoints, ...(tls && { tls }), ...(user && { user }) };
  const surroundings = { wire: socketWire, clock, random, log: silentLog };
  const client = await openEtcdClient({ ...access, ...surroundings });
  try {
    const opened = await open(client);
    const close = () => opened.close().finally(() => client.close());
    return { ...opened, close };
  } catch (error) {
    client.close();
    throw error;
  }
}
