import { metaKeys } from "../../core/assignment-place.ts";
import { type Random, randomWord } from "../../lib/random.ts";
import type { ReadStore } from "../../lib/store/shared-store.ts";
import { type Entry, type Store, StoreError } from "../../lib/store/store.ts";
import { createHistory } from "./ledger-history.ts";
import { type Horizon, putHorizon, readHorizon } from "./ledger-horizon.ts";
import {
  prefixes,
  putText,
  type RequestRecord,
  readRequest,
  readText,
  readWorker,
} from "./ledger-records.ts";
import { emptyState, type LedgerState } from "./ledger-state.ts";

const PAGE_SIZE = 1_000;

/** How leadership over a ledger begins. */
export type NewEpoch = Readonly<{
  clusterId: string;
  epoch: bigint;
  storeRevision: bigint;
  horizon: Horizon;
}>;

type EpochOptions = Readonly<{
  /**
   * Whether what workers read is kept in step from now on. That it is gets noted at once if it was
   * until now, which `areAssignmentsKept` tells.
   */
  keepsAssignments: boolean;
  /** Milliseconds since the Unix epoch. */
  nowMs: number;
}>;

/**
 * Begins a new epoch, which is durable when this resolves; in an empty store the cluster begins.
 * Throws a StoreError when another manager does the same at the same time.
 */
export async function beginEpoch(
  store: Store,
  random: Random,
  { keepsAssignments, nowMs }: EpochOptions,
): Promise<NewEpoch & Readonly<{ areAssignmentsKept: boolean }>> {
  const [known, last, kept, past] = await Promise.all([
    store.get(metaKeys.clusterId),
    store.get(metaKeys.epoch),
    store.get(metaKeys.assignments),
    store.get(metaKeys.history),
  ]);
  const areAssignmentsKept = keepsAssignments && readText(kept) === readText(last);
  const clusterId = readText(known) ?? randomWord(random, 12);
  const epoch = BigInt(readText(last) ?? 0) + 1n;
  const horizon = horizonAfter(past, {
    last: BigInt(readText(last) ?? 0),
    now: { revision: await readRevision(store), ms: nowMs },
  });
  const result = await store.commit({
    guards: [
      { key: metaKeys.clusterId, revision: known?.revision ?? 0n },
      { key: metaKeys.epoch, revision: last?.revision ?? 0n },
    ],
    writes: [
      putText(metaKeys.clusterId, clusterId),
      putText(metaKeys.epoch, String(epoch)),
      putHorizon(horizon, epoch),
      ...(areAssignmentsKept ? [putText(metaKeys.assignments, String(epoch))] : []),
    ],
  });
  if (result.kind === "refused")
    throw new StoreError("another manager began an epoch in the same store: stop one of the two");
  return { clusterId, epoch, storeRevision: result.revision, horizon, areAssignmentsKept };
}

type Moment = Readonly<{ revision: bigint; ms: number }>;

/** The history goes on where the leader before kept one; otherwise it begins now. */
function horizonAfter(
  past: Entry | undefined,
  { last, now }: Readonly<{ last: bigint; now: Moment }>,
): Horizon {
  const known = readHorizon(past);
  if (!known || known.epoch !== last) return { ...now, beganRevision: now.revision };
  const { epoch: _, ...horizon } = known;
  return horizon;
}

/**
 * Reads the ledger. What others write meanwhile may be in it in part: it is whole again once every
 * batch after its `storeRevision` has been applied.
 */
export async function loadState(store: ReadStore): Promise<LedgerState> {
  const state = emptyState();
  state.storeRevision = await store.revision();
  state.clusterId = readText(await store.get(metaKeys.clusterId)) ?? "";
  state.epoch = BigInt(readText(await store.get(metaKeys.epoch)) ?? 0);
  state.revision = await readRevision(store);
  state.horizon = readHorizon(await store.get(metaKeys.history)) ?? state.horizon;
  const { tasks } = state;
  for await (const page of pagesOf(store, prefixes.task))
    for (const { key, value } of page) tasks.putEncoded(key.slice(prefixes.task.length), value);
  const requests: RequestRecord[] = [];
  for await (const entry of entriesOf(store, prefixes.request)) requests.push(readRequest(entry));
  requests.sort((a, b) => a.expireMs - b.expireMs);
  for (const request of requests) state.requests.set(request.requestId, request);
  for await (const entry of entriesOf(store, prefixes.worker))
    state.workers.set(...readWorker(entry));
  // What was removed while it was read cannot be told any more: watches begin after all that was.
  state.history = createHistory(await readRevision(store));
  return state;
}

const readRevision = async (store: Pick<ReadStore, "get">): Promise<bigint> =>
  BigInt(readText(await store.get(metaKeys.revision)) ?? 0);

/** Every entry under a prefix whose key goes on with more than `after`, read a page at a time. */
export async function* entriesOf(
  store: Pick<Store, "list">,
  prefix: string,
  after = "",
): AsyncGenerator<Entry> {
  for await (const page of pagesOf(store, prefix, after)) yield* page;
}

/** As `entriesOf`, for many: an entry of its own would cost a promise. */
async function* pagesOf(
  store: Pick<Store, "list">,
  prefix: string,
  start = "",
): AsyncGenerator<readonly Entry[]> {
  for (let after: string | undefined = prefix + start; after !== undefined; ) {
    const page: readonly Entry[] = await store.list(prefix, { after, limit: PAGE_SIZE });
    yield page;
    after = page.length === PAGE_SIZE ? page.at(-1)?.key : undefined;
  }
}
