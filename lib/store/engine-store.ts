import { assert } from "../assert.ts";
import type { Clock } from "../clock.ts";
import { exhausted } from "../errors.ts";
import { createGroupCommit } from "../group-commit.ts";
import { assertWellFormed, noLimits, planGroup } from "./batch-plan.ts";
import { createHistory, type History } from "./history.ts";
import {
  type Batch,
  type CommitResult,
  type Entry,
  type Page,
  type Store,
  type StoreChange,
  StoreError,
} from "./store.ts";

/** A durable, ordered map that only this process writes. The store adds guards, grouping, watches. */
export interface Engine {
  /** The revision stored when it was opened. */
  readonly revision: bigint;
  get(key: string): Entry | undefined;
  list(prefix: string, page: Page): readonly Entry[];
  count(prefix: string): number;
  /** Writes all changes and the revision, or nothing. Resolves once they are on disk. */
  write(changes: readonly StoreChange[], revision: bigint): Promise<void>;
  close(): Promise<void>;
}

type Options = Readonly<{
  clock: Clock;
  /** How many changes are remembered for watchers. */
  historyMax?: number;
  /**
   * Told once, when a write failed: the store then refuses everything, and the process should
   * stop, because nobody knows what is on disk but the disk.
   */
  onFailure?: (error: StoreError) => void;
}>;

/** How many batches may wait for the disk. More than that, and the disk has stopped. */
const COMMITS_WAITING_MAX = 100_000;

/**
 * Makes a store of an engine. What is committed in one turn of the event loop, or while the
 * disk is busy, is written together; each batch keeps its own guards and its own revision.
 */
export function createEngineStore(engine: Engine, options: Options): Store {
  const history = createHistory(engine.revision, options.historyMax);
  const writer = createWriter(engine, history, options);
  let closing: Promise<void> | undefined;

  function usable(): Engine {
    if (closing !== undefined) throw new StoreError("the store is closed");
    writer.assertWorking();
    return engine;
  }

  async function shut(): Promise<void> {
    await writer.settled();
    history.end(new StoreError("the store is closed"));
    await engine.close();
  }

  return {
    limits: noLimits,
    get: async (key) => usable().get(key),
    list: async (prefix, page = {}) => usable().list(prefix, page),
    count: async (prefix) => usable().count(prefix),
    async commit(batch) {
      usable();
      return writer.commit(batch);
    },
    watch: (prefix, afterRevision, signal) => history.watch(prefix, afterRevision, signal),
    async revision() {
      usable();
      return writer.revision();
    },
    close() {
      closing ??= shut();
      return closing;
    },
  };
}

/** A batch in the queue. The result is set when its group is on disk. */
type Waiting = { readonly batch: Batch; result: CommitResult | undefined };

/** The only one who writes to the engine. After a failed write it refuses all others. */
function createWriter(engine: Engine, history: History, { clock, onFailure }: Options) {
  const group = createGroupCommit<Waiting>({ clock, flush });
  const revisionOf = (key: string) => engine.get(key)?.revision ?? 0n;
  let revision = engine.revision;
  let waitingCount = 0;
  let failure: StoreError | undefined;

  async function flush(waiting: readonly Waiting[]): Promise<void> {
    const batches = waiting.map(({ batch }) => batch);
    const plans = planGroup(batches, revision, revisionOf);
    await write(plans.map(({ changes }) => changes).filter(({ length }) => length > 0));
    for (const [i, entry] of waiting.entries()) entry.result = plans[i]?.result;
  }

  async function write(changesOfBatches: readonly (readonly StoreChange[])[]): Promise<void> {
    if (changesOfBatches.length === 0) return;
    try {
      await engine.write(changesOfBatches.flat(), revision + BigInt(changesOfBatches.length));
    } catch (cause) {
      failure = new StoreError("the store cannot write any more: restart the process", { cause });
      history.end(failure);
      onFailure?.(failure);
      throw failure;
    }
    for (const changes of changesOfBatches) history.append(++revision, changes);
  }

  function assertWorking(): void {
    if (failure) throw failure;
  }

  async function commit(batch: Batch): Promise<CommitResult> {
    assertWellFormed(batch);
    if (waitingCount >= COMMITS_WAITING_MAX)
      throw exhausted("STORE_BUSY", `${waitingCount} batches wait for the disk: try again later`);
    const entry: Waiting = { batch, result: undefined };
    waitingCount += 1;
    await group.add([entry]).finally(() => {
      waitingCount -= 1;
    });
    assert(entry.result, "a batch whose group is on disk has a result");
    return entry.result;
  }

  return {
    assertWorking,
    commit,
    revision: () => revision,
    /** Waits for what was accepted. Those who wait for a failed write are told themselves. */
    settled: () => Promise.allSettled([group.settled()]),
  };
}
