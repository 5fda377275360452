import { createTaskTable, type TaskTable } from "../../core/task-table.ts";
import type { WorkerRecord } from "../../core/worker-settings.ts";
import { type Random, randomWord } from "../../lib/random.ts";
import type { Entry, Store } from "../../lib/store/store.ts";
import {
  metaKeys,
  prefixes,
  putText,
  type RequestRecord,
  readRequest,
  readText,
  readWorker,
} from "./ledger-records.ts";

/** What the store holds when a manager starts. */
export type Loaded = Readonly<{
  clusterId: string;
  epoch: bigint;
  revision: bigint;
  tasks: TaskTable;
  requests: Map<string, RequestRecord>;
  /** By worker ID, in the order of IDs. */
  workers: Map<string, WorkerRecord>;
}>;

const PAGE_SIZE = 1_000;

/** Reads the ledger and begins a new epoch, which is durable when this resolves. */
export async function loadLedger(store: Store, random: Random): Promise<Loaded> {
  const clusterId = readText(await store.get(metaKeys.clusterId)) ?? randomWord(random, 12);
  const epoch = BigInt(readText(await store.get(metaKeys.epoch)) ?? 0) + 1n;
  const revision = BigInt(readText(await store.get(metaKeys.revision)) ?? 0);
  await store.commit({
    writes: [putText(metaKeys.clusterId, clusterId), putText(metaKeys.epoch, String(epoch))],
  });

  const tasks = createTaskTable();
  for await (const page of pagesOf(store, prefixes.task))
    for (const { key, value } of page) tasks.putEncoded(key.slice(prefixes.task.length), value);
  const requests: RequestRecord[] = [];
  for await (const entry of entriesOf(store, prefixes.request)) requests.push(readRequest(entry));
  requests.sort((a, b) => a.expireMs - b.expireMs);
  const workers = new Map<string, WorkerRecord>();
  for await (const entry of entriesOf(store, prefixes.worker)) workers.set(...readWorker(entry));
  const byId = new Map(requests.map((request) => [request.requestId, request]));
  return { clusterId, epoch, revision, tasks, requests: byId, workers };
}

/** Every entry under a prefix, read a page at a time. */
export async function* entriesOf(store: Store, prefix: string): AsyncGenerator<Entry> {
  for await (const page of pagesOf(store, prefix)) yield* page;
}

/** As `entriesOf`, for many: an entry of its own would cost a promise. */
async function* pagesOf(store: Store, prefix: string): AsyncGenerator<readonly Entry[]> {
  for (let after: string | undefined = prefix; after !== undefined; ) {
    const page: readonly Entry[] = await store.list(prefix, { after, limit: PAGE_SIZE });
    yield page;
    after = page.length === PAGE_SIZE ? page.at(-1)?.key : undefined;
  }
}
