import {
  type Event,
  Event_EventType,
  type WatchResponse,
} from "../../../gen/etcdserverpb/rpc_pb.ts";
import type { StoreChange } from "../store.ts";
import { type Layout, readHead } from "./etcd-layout.ts";
import type { Written } from "./etcd-trials.ts";

/**
 * Reads a watch of etcd: gives the batches of each answer, and keeps a transaction that came in
 * parts until its last one. Events are in the order of the writes, the head's is the last.
 */
export function changesIn(layout: Layout): (response: WatchResponse) => readonly Written[] {
  let pending: Event[] = [];

  return ({ events, fragment }) => {
    pending.push(...events);
    if (fragment) return [];
    const whole = pending;
    pending = [];
    return transactionsOf(whole).flatMap((transaction) => batchesOf(transaction, layout));
  };
}

/** Events of one revision of etcd are of one transaction. */
function transactionsOf(events: readonly Event[]): readonly (readonly Event[])[] {
  const transactions: Event[][] = [];
  let latest: bigint | undefined;
  for (const event of events) {
    const revision = event.kv?.modRevision;
    if (revision !== latest) transactions.push([]);
    transactions.at(-1)?.push(event);
    latest = revision;
  }
  return transactions;
}

/** What is not ours has no head beside it, and is left out. */
function batchesOf(events: readonly Event[], layout: Layout): readonly Written[] {
  const own = events.flatMap(({ kv }) => (kv && layout.headKey.equals(kv.key) ? [kv] : []))[0];
  if (!own) return [];
  const { revision: last, modRevision } = readHead(own);
  const batches = new Map<bigint, StoreChange[]>();
  for (const event of events) {
    const change = changeOf(event, layout, last);
    if (!change) continue;
    const changes = batches.get(change.revision) ?? [];
    changes.push(change);
    batches.set(change.revision, changes);
  }
  return [...batches]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([revision, changes]) => ({ revision, modRevision, changes }));
}

function changeOf({ type, kv }: Event, layout: Layout, last: bigint): StoreChange | undefined {
  if (!kv || !layout.isEntry(kv.key)) return undefined;
  if (type === Event_EventType.DELETE)
    return { kind: "delete", key: layout.nameOf(kv.key), revision: last };
  return { kind: "put", ...layout.entryOf(kv) };
}
