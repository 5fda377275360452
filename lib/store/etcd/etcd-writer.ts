import type { Clock } from "../../clock.ts";
import { exhausted } from "../../errors.ts";
import { type Batch, type BatchLimits, type CommitResult, StoreError } from "../store.ts";
import { unavailable } from "./etcd-errors.ts";
import { firstGroup, type Group, type Waiting } from "./etcd-groups.ts";
import { type Prepared, prepare } from "./etcd-prepared.ts";
import { createTrials, PATIENCE_MS, type TrialDeps } from "./etcd-trials.ts";

type Deps = TrialDeps &
  Readonly<{
    clock: Clock;
    limits: BatchLimits;
    /** Told after each try what is wrong, or undefined. */
    onWeather: (trouble: StoreError | undefined) => void;
  }>;

/** How many batches may wait for etcd. */
const COMMITS_WAITING_MAX = 100_000;

/**
 * Writes batches in their order, one transaction at a time; what comes meanwhile makes the next
 * one. Several at a time would overtake each other: etcd takes requests in any order.
 *
 * A batch that may have been written waits until that is known, however long; others give up
 * after a while. So a batch that was rejected as unavailable is not written.
 */
export function createEtcdWriter(deps: Deps) {
  const { author, clock, limits, onWeather } = deps;
  const trials = createTrials(deps);
  const queue = createQueue(clock);
  let running: Promise<void> | undefined;
  let failure: StoreError | undefined;

  async function run(): Promise<void> {
    for (await clock.turn(); queue.length() > 0; await clock.turn())
      await settle(queue.take((waiting) => firstGroup(waiting, limits)));
    running = undefined;
  }

  async function settle(group: Group): Promise<void> {
    try {
      const results = await trials.run(group, onTrouble);
      for (const [index, { resolve }] of group.entries.entries())
        resolve(results[index] as CommitResult);
    } catch (error) {
      for (const { reject } of group.entries) reject(errorFor(error));
    }
  }

  function onTrouble(trouble: StoreError | undefined): void {
    onWeather(trouble);
    if (trouble) queue.giveUpOld(trouble);
  }

  /** What callers are told. But for bad weather nothing is written any more. */
  function errorFor(error: unknown): StoreError {
    const isKnown = error instanceof StoreError;
    const told = isKnown ? error : new StoreError("the store met a bug", { cause: error });
    if (told.kind === "unavailable") return told;
    failure ??= told;
    queue.giveUpAll(failure);
    return failure;
  }

  return {
    commit(batch: Batch): Promise<CommitResult> {
      if (failure) throw failure;
      const result = queue.add(prepare(author.layout, batch, limits));
      running ??= run();
      return result;
    },
    /** Waits for what was accepted, and not much longer for what etcd does not answer to. */
    async close(): Promise<void> {
      trials.end();
      await running;
    },
  };
}

/** Those who wait for their turn, in the order of their calls. */
function createQueue(clock: Clock) {
  let waiting: Waiting[] = [];

  function giveUp(old: (entry: Waiting) => boolean, error: StoreError): void {
    const gone = waiting.filter(old);
    if (gone.length === 0) return;
    waiting = waiting.filter((entry) => !old(entry));
    for (const { reject } of gone) reject(error);
  }

  return {
    length: () => waiting.length,
    add(prepared: Prepared): Promise<CommitResult> {
      if (waiting.length >= COMMITS_WAITING_MAX)
        throw exhausted("STORE_BUSY", `${waiting.length} batches wait for etcd: try again later`);
      return new Promise((resolve, reject) => {
        const entry = { prepared, sinceMs: clock.monotonic(), resolve, reject };
        waiting.push(entry);
      });
    },
    take(choose: (waiting: readonly Waiting[]) => Group): Group {
      const group = choose(waiting);
      waiting = waiting.slice(group.entries.length);
      return group;
    },
    giveUpOld(trouble: StoreError): void {
      const oldestMs = clock.monotonic() - PATIENCE_MS;
      const error = unavailable(`not written: ${trouble.message}`, trouble);
      giveUp(({ sinceMs }) => sinceMs <= oldestMs, error);
    },
    giveUpAll: (error: StoreError) => giveUp(() => true, error),
  };
}
