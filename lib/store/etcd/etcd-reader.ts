import { KV, type RangeResponse } from "../../../gen/etcdserverpb/rpc_pb.ts";
import type { Entry, Page } from "../store.ts";
import { keyBytes } from "../store-key.ts";
import type { EtcdClient } from "./etcd-client.ts";
import { isCompacted, isTooLarge } from "./etcd-errors.ts";
import { type Head, type Layout, readHead } from "./etcd-layout.ts";

/**
 * How many entries one answer has at most: first, and while they are small. etcd counts all that is
 * left with every answer, so that few large ones cost it less.
 */
const ANSWER_ENTRIES = { first: 1_000, max: 16_384 };

/** Half of this, and the next answer has twice as many entries. */
const ANSWER_BYTES = 2 ** 20;

type Deps = Readonly<{ client: Pick<EtcdClient, "read">; layout: Layout }>;

/** What a store in etcd answers to reads: each is at the revision that etcd's majority agrees on. */
export function createEtcdReader(deps: Deps) {
  const { client, layout } = deps;
  return {
    async get(key: string): Promise<Entry | undefined> {
      keyBytes(key);
      const { kvs } = await client.read(KV.method.range, { key: layout.keyOf(key) });
      return kvs[0] && layout.entryOf(kvs[0]);
    },
    list: (prefix: string, page: Page) => listEntries(deps, prefix, page),
    async count(prefix: string): Promise<number> {
      const range = { ...layout.rangeOf(prefix), countOnly: true };
      return Number((await client.read(KV.method.range, range)).count);
    },
    revision: async () => (await readStoredHead(client, layout)).revision,
  };
}

/** A head, and etcd's revision when it was read. */
export type Seen = Head & Readonly<{ readAt: bigint }>;

/** The head as it is now. */
export async function readStoredHead(
  client: Pick<EtcdClient, "read">,
  layout: Layout,
): Promise<Seen> {
  const { kvs, header } = await client.read(KV.method.range, { key: layout.headKey });
  return { ...readHead(kvs[0]), readAt: header?.revision ?? 0n };
}

/** As `Store.list`: in as many answers as it takes, all at one revision of etcd. */
async function listEntries(deps: Deps, prefix: string, page: Page): Promise<readonly Entry[]> {
  const { after, limit = Number.POSITIVE_INFINITY } = page;
  const entries: Entry[] = [];
  const turner = createTurner(deps, prefix);
  for (let last = after; entries.length < limit; last = entries.at(-1)?.key) {
    const answer = await turner.turn(last, limit - entries.length);
    if (answer === "compacted") return listEntries(deps, prefix, page);
    entries.push(...answer.kvs.map(deps.layout.entryOf));
    if (!answer.more) break;
  }
  return entries;
}

/** Turns pages, all at one revision of etcd: that of the first answer if it is not given. */
export function createTurner({ client, layout }: Deps, prefix: string, atRevision = 0n) {
  let size = ANSWER_ENTRIES.first;
  let revision = atRevision;

  function grow({ kvs }: RangeResponse): void {
    const bytes = kvs.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
    if (bytes <= ANSWER_BYTES / 2) size = Math.min(size * 2, ANSWER_ENTRIES.max);
  }

  async function turn(after: string | undefined, max = ANSWER_ENTRIES.max) {
    const limit = Math.min(size, max);
    const range = { ...layout.rangeOf(prefix, after), limit: BigInt(limit), revision };
    try {
      const answer = await client.read(KV.method.range, range);
      revision ||= answer.header?.revision ?? 0n;
      grow(answer);
      return answer;
    } catch (error) {
      if (isCompacted(error)) return "compacted";
      // An answer of one entry always fits.
      if (!isTooLarge(error) || limit === 1) throw error;
      size = Math.max(1, Math.floor(limit / 4));
      return turn(after, max);
    }
  }

  return { turn };
}
