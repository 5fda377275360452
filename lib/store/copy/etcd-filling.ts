import { KV } from "../../../gen/etcdserverpb/rpc_pb.ts";
import { chunks } from "../../chunks.ts";
import { type Random, randomWord } from "../../random.ts";
import type { EtcdClient } from "../etcd/etcd-client.ts";
import {
  copierOf,
  createLayout,
  type Layout,
  noHead,
  readHead,
  storedValue,
  unfinishedHead,
  writeHead,
} from "../etcd/etcd-layout.ts";
import { deleteOp, type Operation, putOp, unchangedSince } from "../etcd/etcd-requests.ts";
import { limitsOf } from "../etcd-store.ts";
import { type BatchLimits, type Entry, StoreError } from "../store.ts";
import { turnPages } from "./etcd-snapshot.ts";
import type { Filling } from "./store-copy.ts";

type Options = Readonly<{
  client: Pick<EtcdClient, "read">;
  prefix: string;
  random: Random;
  /** What etcd was started with as `--max-txn-ops`, if it was. */
  maxTxnOps?: number;
}>;

/** They do not depend on each other, and etcd writes them to its disk together. */
const TRANSACTIONS_AT_ONCE = 8;

/** Long enough that no two copies are ever taken for one another. */
const WRITER_LENGTH = 16;

/**
 * Begins a store at a prefix that has none, or whose copy was broken off. Throws a StoreError that
 * names what is there otherwise. Of two who copy to one place the first is stopped.
 */
export async function fillEtcdStore(options: Options): Promise<Filling> {
  const layout = createLayout(options.prefix);
  const writer = `copy-${randomWord(options.random, WRITER_LENGTH)}`;
  const copy = { ...options, layout, writer };
  const headRevision = await begin(copy);
  const transact = (operations: readonly Operation[]) =>
    transaction(copy, headRevision, operations);
  const limits = limitsOf(options.prefix, options.maxTxnOps);
  return {
    async add(entries) {
      const atOnce = { entriesMax: TRANSACTIONS_AT_ONCE, bytesMax: Infinity, sizeOf: () => 0 };
      for (const batches of chunks([...batchesOf(entries, limits)], atOnce)) {
        const done = await Promise.all(batches.map((batch) => transact(putsOf(batch, layout))));
        if (done.includes(false)) throw stopped(options.prefix);
      }
    },
    pages: () => turnPages(options.client, layout),
    async finish(revision) {
      const head = writeHead({ ...noHead, revision, writers: new Map([[writer, revision]]) });
      if (await transact([putOp(layout.headKey, head)])) return;
      // A repetition finds what the first try did.
      if (!readHead(await storedHead(copy)).writers.has(writer)) throw stopped(options.prefix);
    },
    close: () => Promise.resolve(),
  };
}

const putsOf = (batch: readonly Entry[], layout: Layout): readonly Operation[] =>
  batch.map(({ key, value, revision }) => putOp(layout.keyOf(key), storedValue(revision, value)));

type Copy = Options & Readonly<{ layout: Layout; writer: string }>;

const stopped = (prefix: string): StoreError =>
  new StoreError(
    `somebody else writes to ${prefix} in etcd: this copy is not finished: stop them, then copy again`,
  );

/** Writes the head of an unfinished copy, and tells etcd's revision of it. */
async function begin(copy: Copy): Promise<bigint> {
  const { client, layout, writer, prefix } = copy;
  const before = await seenBefore(copy);
  await client.read(KV.method.txn, {
    compare: [unchangedSince(layout.headKey, before), unchangedSince(layout.leaderKey, 0n)],
    success: [deleteOp(layout.rangeOf("")), putOp(layout.headKey, unfinishedHead(writer))],
  });
  // An answer to a first try may have been lost: what counts is whose head is there.
  const head = await storedHead(copy);
  if (!head || copierOf(head) !== writer) throw stopped(prefix);
  return head.modRevision;
}

/** etcd's revision of what a broken off copy has left, or 0n. Throws when there is anything else. */
async function seenBefore(copy: Copy): Promise<bigint> {
  const { client, layout, prefix } = copy;
  const leader = await client.read(KV.method.range, { key: layout.leaderKey });
  if (leader.kvs[0])
    throw new StoreError(`a manager leads at ${prefix} in etcd: stop it, or take another prefix`);
  const head = await storedHead(copy);
  if (head && copierOf(head) !== undefined) return head.modRevision;
  const { count } = await client.read(KV.method.range, { ...layout.rangeOf(""), countOnly: true });
  if (!head && count === 0n) return 0n;
  const remedy = `take another prefix, or empty it: etcdctl del --prefix ${prefix}`;
  throw new StoreError(`the store at ${prefix} in etcd is not empty (${count} entries): ${remedy}`);
}

async function storedHead({ client, layout }: Copy) {
  const { kvs } = await client.read(KV.method.range, { key: layout.headKey });
  return kvs[0];
}

/** Whether it was done: nobody else has begun a copy or a store. Doing it twice is as doing it once. */
async function transaction(
  { client, layout }: Copy,
  headRevision: bigint,
  success: readonly Operation[],
): Promise<boolean> {
  const compare = [unchangedSince(layout.headKey, headRevision)];
  const { succeeded } = await client.read(KV.method.txn, { compare, success: [...success] });
  return succeeded;
}

/** As many as etcd takes at once. */
function batchesOf(entries: readonly Entry[], { operations, bytes }: BatchLimits) {
  for (const entry of entries) {
    const size = sizeOf(entry);
    if (size > bytes)
      throw new StoreError(`${entry.key} has ${size} bytes, and etcd takes ${bytes} at once`);
  }
  return chunks(entries, { entriesMax: operations, bytesMax: bytes, sizeOf });
}

const sizeOf = ({ key, value }: Entry): number => Buffer.byteLength(key) + value.length;
