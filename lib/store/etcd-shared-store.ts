import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Random } from "../random.ts";
import type { EtcdClient } from "./etcd/etcd-client.ts";
import { campaign, type Leadership } from "./etcd-election.ts";
import { openEtcdStore } from "./etcd-store.ts";
import type { Reign, SharedStore } from "./shared-store.ts";

type Options = Readonly<{
  /** Closed with the store. */
  client: EtcdClient;
  /** What all keys of the cluster begin with; ends in `/`. */
  prefix: string;
  /** For how long a leader that falls silent keeps others out. etcd takes whole seconds, 2 at least. */
  ttlMs: number;
  clock: Clock;
  random: Random;
  log: Log;
  /** See `openEtcdStore`. */
  maxTxnOps?: number;
}>;

/** A store in etcd that the leader of an election writes. Throws a StoreError when etcd cannot be used. */
export async function openEtcdSharedStore(options: Options): Promise<SharedStore> {
  const { client } = options;
  const store = await openEtcdStore(options);

  async function reignOf({ fence, ...leadership }: Leadership): Promise<Reign> {
    const own = await openEtcdStore({ ...options, fence });
    const { leads, lost } = leadership;
    const resign = async () => {
      await leadership.resign();
      await own.close();
    };
    return { store: own, leads, lost, resign };
  }

  return {
    ...store,
    async campaign({ name, onLeader }, signal) {
      const leadership = await campaign({ ...options, candidate: name, onLeader }, signal);
      if (!leadership) return undefined;
      try {
        return await reignOf(leadership);
      } catch (error) {
        await leadership.resign();
        throw error;
      }
    },
    async close() {
      await store.close();
      client.close();
    },
  };
}
