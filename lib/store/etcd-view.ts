import { KV } from "../../gen/etcdserverpb/rpc_pb.ts";
import type { EtcdClient } from "./etcd/etcd-client.ts";
import { unavailable } from "./etcd/etcd-errors.ts";
import { createLayout, type Layout, readHead } from "./etcd/etcd-layout.ts";
import { createTurner } from "./etcd/etcd-reader.ts";
import { getOp, rangeAnswer } from "./etcd/etcd-requests.ts";
import type { Entry } from "./store.ts";
import type { StoreView } from "./store-view.ts";

type Options = Readonly<{
  /** Closed with the view. */
  client: EtcdClient;
  /** The store's. */
  prefix: string;
}>;

/** A view of a store in etcd. Nothing is read before it is looked at. */
export function createEtcdView({ client, prefix: place }: Options): StoreView {
  const layout = createLayout(place);
  return {
    async look(keys, prefix) {
      const { moment, isLed, entries } = await glance(client, layout, keys);
      return { moment, isLed, entries, listed: await listAt({ client, layout }, prefix, moment) };
    },
    async close() {
      client.close();
    },
  };
}

/** The head is only asked whether this is a store, and a whole one. */
async function glance(client: EtcdClient, layout: Layout, keys: readonly string[]) {
  const stored = [layout.headKey, layout.leaderKey, ...keys.map(layout.keyOf)];
  const success = stored.map((key) => getOp(key));
  const { header, responses } = await client.read(KV.method.txn, { success });
  const [head, leader, ...found] = responses.map((answer) => rangeAnswer(answer).kvs[0]);
  readHead(head);
  const entries = found.flatMap((kv) => (kv ? [layout.entryOf(kv)] : []));
  return {
    moment: header?.revision ?? 0n,
    isLed: leader !== undefined,
    entries: new Map(entries.map((entry) => [entry.key, entry])),
  };
}

type Deps = Parameters<typeof createTurner>[0];

/** Everything under a prefix as it was at `moment`. */
async function listAt(deps: Deps, prefix: string, moment: bigint): Promise<readonly Entry[]> {
  const turner = createTurner(deps, prefix, moment);
  const entries: Entry[] = [];
  for (;;) {
    const answer = await turner.turn(entries.at(-1)?.key);
    if (answer === "compacted") throw unavailable("etcd has forgotten the moment of a look");
    entries.push(...answer.kvs.map(deps.layout.entryOf));
    if (!answer.more) return entries;
  }
}
