import { KV } from "../../../gen/etcdserverpb/rpc_pb.ts";
import type { EtcdClient } from "../etcd/etcd-client.ts";
import { copierOf, createLayout, type Layout } from "../etcd/etcd-layout.ts";
import { createTurner, readStoredHead } from "../etcd/etcd-reader.ts";
import { CompactedError, StoreError } from "../store.ts";
import type { Pages, Snapshot } from "./store-copy.ts";

type Client = Pick<EtcdClient, "read">;

/**
 * The store at `prefix` as it is now, whoever writes to it. Its pages end with a CompactedError
 * when etcd forgets this moment before all are read.
 */
export async function openEtcdSnapshot(client: Client, prefix: string): Promise<Snapshot> {
  const layout = createLayout(prefix);
  const { revision, modRevision, readAt } = await readStoredHead(client, layout);
  if (modRevision === 0n)
    throw new StoreError(`there is no store at ${prefix} in etcd: name another prefix`);
  return {
    revision,
    pages: () => turnPages(client, layout, readAt),
    close: () => Promise.resolve(),
  };
}

/** As `openEtcdSnapshot`; undefined where there is no store, or a copy that is not finished. */
export async function findEtcdSnapshot(
  client: Client,
  prefix: string,
): Promise<Snapshot | undefined> {
  const { kvs } = await client.read(KV.method.range, { key: createLayout(prefix).headKey });
  const head = kvs[0];
  return head && copierOf(head) === undefined ? openEtcdSnapshot(client, prefix) : undefined;
}

/** All entries as they were at a revision of etcd; 0n: as they are when it begins. */
export async function* turnPages(client: Client, layout: Layout, revision = 0n): Pages {
  const { turn } = createTurner({ client, layout }, "", revision);
  for (let after: string | undefined; ; ) {
    const answer = await turn(after);
    if (answer === "compacted")
      throw new CompactedError("etcd was compacted meanwhile, and forgot what was being read");
    const page = answer.kvs.map(layout.entryOf);
    if (page.length > 0) yield page;
    if (!answer.more) return;
    after = page.at(-1)?.key;
  }
}
