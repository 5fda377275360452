import { KV } from "../../gen/etcdserverpb/rpc_pb.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { type Random, randomWord } from "../random.ts";
import type { EtcdClient } from "./etcd/etcd-client.ts";
import { isTooManyOperations } from "./etcd/etcd-errors.ts";
import { createEtcdFeed } from "./etcd/etcd-feed.ts";
import { createLayout, type Layout } from "./etcd/etcd-layout.ts";
import { createPast } from "./etcd/etcd-past.ts";
import { createEtcdReader, readStoredHead, type Seen } from "./etcd/etcd-reader.ts";
import { unchangedSince } from "./etcd/etcd-requests.ts";
import type { Fence } from "./etcd/etcd-transaction.ts";
import { createEtcdWriter } from "./etcd/etcd-writer.ts";
import { createHistory, type History } from "./history.ts";
import { type BatchLimits, type Store, StoreError } from "./store.ts";

type Options = Readonly<{
  /** Stays open when the store is closed. */
  client: EtcdClient;
  /** What all keys of the cluster begin with; ends in `/`. */
  prefix: string;
  /** Nothing is written once this leader's key is gone. Absent: whoever opens the store writes. */
  fence?: Fence;
  clock: Clock;
  random: Random;
  log: Log;
  /** What etcd was started with as `--max-txn-ops`, if it was: batches may then be larger. */
  maxTxnOps?: number;
  /** How many changes are remembered for watchers. */
  historyMax?: number;
  /**
   * Told when batches wait because etcd does not answer, with the reason, and when it answers
   * again, without one.
   */
  onWeather?: (trouble: StoreError | undefined) => void;
}>;

/** What etcd takes in one transaction unless it is told otherwise. */
const ETCD_TXN_OPS_MAX = 128;
/** What etcd takes in one request unless it is told otherwise (`--max-request-bytes`). */
const ETCD_REQUEST_BYTES_MAX = 1.5 * 2 ** 20;

/** The head and the fence are part of every transaction. */
const OWN_OPERATIONS = 2;
/** Of the head, and of each operation beside its key, value and prefix. */
const OWN_BYTES = 4_096;
const OPERATION_BYTES = 64;

/** A store in etcd. Throws a StoreError when etcd cannot be used, with the remedy. */
export async function openEtcdStore(options: Options): Promise<Store> {
  const { client, prefix, historyMax, maxTxnOps = ETCD_TXN_OPS_MAX } = options;
  const layout = createLayout(prefix);
  await assertTakes(client, layout, maxTxnOps);
  const head = await readStoredHead(client, layout);
  const history = createHistory(head.revision, historyMax);
  return storeOver({ ...options, layout, head, history, limits: limitsOf(prefix, maxTxnOps) });
}

/** Asks etcd for nothing, at such length as the longest transaction has. */
async function assertTakes(client: EtcdClient, layout: Layout, maxTxnOps: number): Promise<void> {
  const compare = Array.from({ length: maxTxnOps }, () => unchangedSince(layout.headKey, 0n));
  try {
    await client.read(KV.method.txn, { compare });
  } catch (error) {
    if (!isTooManyOperations(error)) throw error;
    const remedy = "start it with that as `--max-txn-ops`, or say less";
    throw new StoreError(`etcd does not take ${maxTxnOps} operations at once: ${remedy}`, {
      cause: error,
    });
  }
}

/** What is left for a batch. */
export function limitsOf(prefix: string, maxTxnOps = ETCD_TXN_OPS_MAX): BatchLimits {
  const operations = maxTxnOps - OWN_OPERATIONS;
  const overhead = OWN_BYTES + operations * (OPERATION_BYTES + Buffer.byteLength(prefix));
  return { operations, bytes: ETCD_REQUEST_BYTES_MAX - overhead };
}

type Deps = Options &
  Readonly<{
    layout: Layout;
    head: Seen;
    history: History;
    limits: BatchLimits;
  }>;

function storeOver({ client, layout, head, history, limits, ...options }: Deps): Store {
  const { fence, random, onWeather = () => undefined } = options;
  const deps = { ...options, client, layout };
  const reader = createEtcdReader({ client, layout });
  const past = createPast(history, head.readAt);
  const feed = createEtcdFeed({ ...deps, past });
  const writer = createEtcdWriter({
    ...deps,
    head,
    limits,
    author: { layout, fence, writer: randomWord(random, WRITER_LENGTH) },
    onWritten: past.add,
    onWeather: whenChanged(onWeather),
  });
  let closing: Promise<void> | undefined;

  function usable() {
    if (closing !== undefined) throw new StoreError("the store is closed");
    return { reader, writer };
  }

  async function shut(): Promise<void> {
    await writer.close();
    feed.stop();
    history.end(new StoreError("the store is closed"));
    past.end();
  }

  return {
    limits,
    get: async (key) => usable().reader.get(key),
    list: async (prefix, page = {}) => usable().reader.list(prefix, page),
    count: async (prefix) => usable().reader.count(prefix),
    revision: async () => usable().reader.revision(),
    commit: async (batch) => usable().writer.commit(batch),
    async *watch(prefix, afterRevision, signal) {
      const release = feed.retain();
      try {
        if (afterRevision > history.head() && !closing)
          await past.reached(await reader.revision(), signal);
        yield* history.watch(prefix, afterRevision, signal);
      } finally {
        release();
      }
    },
    close() {
      closing ??= shut();
      return closing;
    },
  };
}

/** Long enough that no two writers of a store are ever taken for one another. */
const WRITER_LENGTH = 16;

/** Tells of the weather when it changes. */
function whenChanged(tell: (trouble: StoreError | undefined) => void) {
  let wasGood = true;
  return (trouble: StoreError | undefined): void => {
    const isGood = trouble === undefined;
    if (isGood !== wasGood) tell(trouble);
    wasGood = isGood;
  };
}
