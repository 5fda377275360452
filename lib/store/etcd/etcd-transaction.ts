import type { MessageInitShape } from "@bufbuild/protobuf";
import { KV, type TxnRequestSchema, type TxnResponse } from "../../../gen/etcdserverpb/rpc_pb.ts";
import { changeOf, planBatch } from "../batch-plan.ts";
import type { Batch, CommitResult, StoreChange, Write } from "../store.ts";
import type { EtcdClient } from "./etcd-client.ts";
import type { Group } from "./etcd-groups.ts";
import {
  type Head,
  headAfter,
  type Layout,
  readHead,
  revisionOf,
  writeHead,
} from "./etcd-layout.ts";
import {
  type Condition,
  createdBy,
  deleteAnswer,
  getOp,
  type Operation,
  putOp,
  rangeAnswer,
  unchangedSince,
  writeOp,
} from "./etcd-requests.ts";

/** The leader's key and the transaction that made it: whoever leads later has another one. */
export type Fence = Readonly<{ key: Uint8Array; createRevision: bigint }>;

type Reader = Pick<EtcdClient, "read">;

/** Who writes. */
export type Author = Readonly<{ layout: Layout; fence: Fence | undefined; writer: string }>;

/** A transaction, and what it comes to if it is done. */
export type Plan = Readonly<{
  request: MessageInitShape<typeof TxnRequestSchema>;
  /** Of each batch. */
  results: readonly CommitResult[];
  /** The head that it needs. */
  before: Head;
  /** The head afterwards, but for etcd's revision. */
  after: Head;
  /** What each batch changed, when `response` says that it was done. */
  changes: (response: TxnResponse) => readonly (readonly StoreChange[])[];
}>;

/** A group that was looked at and changes nothing. */
export type Decided = Readonly<{ results: readonly CommitResult[] }>;

/** A group of puts, with deletions at most in its last batch: nothing need be read for it. */
export function planPlain(author: Author, { entries }: Group, head: Head): Plan {
  const revisionAt = (index: number) => head.revision + 1n + BigInt(index);
  const operations = entries.flatMap(({ prepared }, index) =>
    prepared.operationsAt(revisionAt(index)),
  );
  const after = headAfter(head, revisionAt(entries.length - 1), author.writer);
  return {
    request: transaction(author, { before: head, after, operations, guards: [] }),
    results: entries.map((_, index) => ({ kind: "committed", revision: revisionAt(index) })),
    before: head,
    after,
    changes({ responses }) {
      let index = 0;
      const hasChanged = (write: Write) => {
        const answer = responses[index++];
        return write.kind === "put" || deleteAnswer(answer).deleted > 0n;
      };
      return entries.map(({ prepared }, batchIndex) => {
        const revision = revisionAt(batchIndex);
        return prepared.batch.writes.filter(hasChanged).map((write) => changeOf(write, revision));
      });
    },
  };
}

/**
 * Looks at what a batch's guards and deletions depend on, all at one moment, and decides. The
 * transaction is done only if nothing was written since. Tells the head of that moment.
 */
export async function planGuarded(
  author: Author,
  batch: Batch,
  client: Reader,
): Promise<(Plan | Decided) & Readonly<{ seen: Head }>> {
  const { layout, writer } = author;
  const seen = await look(client, layout, batch);
  const { head } = seen;
  const { result, changes } = planBatch(batch, head.revision, seen.revisionOf);
  if (changes.length === 0) return { results: [result], seen: head };
  const after = headAfter(head, head.revision + 1n, writer);
  const operations = changes.map((change) => writeOp(layout, change, change.revision));
  const guards = (batch.guards ?? []).map(({ key }) =>
    unchangedSince(layout.keyOf(key), seen.modRevisionOf(key)),
  );
  const request = transaction(author, { before: head, after, operations, guards });
  const plan = { request, results: [result], before: head, after, changes: () => [changes] };
  return { ...plan, seen: head };
}

type Parts = Readonly<{
  before: Head;
  after: Head;
  operations: readonly Operation[];
  guards: readonly Condition[];
}>;

/** Every transaction needs the head as it was, leaves it as it will be, and reads it when refused. */
function transaction({ layout, fence }: Author, { before, after, operations, guards }: Parts) {
  const { headKey } = layout;
  return {
    compare: [
      unchangedSince(headKey, before.modRevision),
      ...(fence ? [createdBy(fence.key, fence.createRevision)] : []),
      ...guards,
    ],
    success: [...operations, putOp(headKey, writeHead(after))],
    failure: [getOp(headKey), ...(fence ? [getOp(fence.key)] : [])],
  };
}

/** Why a transaction was not done: the head as it is, and whether the fence still stands. */
export function readRefusal({ responses }: TxnResponse, fence: Fence | undefined) {
  const [head] = rangeAnswer(responses[0]).kvs;
  const leader = fence && rangeAnswer(responses[1]).kvs[0];
  return { head: readHead(head), isFenced: leader?.createRevision !== fence?.createRevision };
}

/** What the keys are that decide on a batch: those of guards, and whether the deleted ones exist. */
async function look(client: Reader, layout: Layout, { guards = [], writes }: Batch) {
  const guarded = new Set(guards.map(({ key }) => key));
  const deletions = writes.filter(({ kind, key }) => kind === "delete" && !guarded.has(key));
  const keys = [...guarded, ...deletions.map(({ key }) => key)];
  const success = [
    getOp(layout.headKey),
    ...keys.map((key) => getOp(layout.keyOf(key), !guarded.has(key))),
  ];
  const { responses } = await client.read(KV.method.txn, { success });
  const [head, ...found] = responses.map((answer) => rangeAnswer(answer).kvs[0]);
  const stored = new Map(keys.map((key, index) => [key, found[index]]));
  return {
    head: readHead(head),
    modRevisionOf: (key: string) => stored.get(key)?.modRevision ?? 0n,
    /** Of a key without a guard only whether it is 0n says something. */
    revisionOf(key: string): bigint {
      const kv = stored.get(key);
      if (!kv || !guarded.has(key)) return kv?.modRevision ?? 0n;
      return revisionOf(kv.value);
    },
  };
}
