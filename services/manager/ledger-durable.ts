import { assert } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import { unavailable } from "../../lib/errors.ts";
import { createGroupCommit } from "../../lib/group-commit.ts";
import type { Batch, CommitResult, Store } from "../../lib/store/store.ts";
import { inAnyWeather } from "../../lib/store/weather.ts";
import type { LedgerListener } from "./ledger.ts";
import { changesOf, type Flush, flushesOf, type Staged, type Unit } from "./ledger-change.ts";
import type { LedgerState } from "./ledger-state.ts";

type Deps = Readonly<{
  store: Store;
  clock: Clock;
  /** The store has failed for good: what is in memory may be ahead of it. */
  onFailure: (error: unknown) => void;
}>;

/** Takes staged changes to disk and tells of them afterwards. */
export function createDurable(state: LedgerState, deps: Deps) {
  const { store, clock } = deps;
  const lastCalls: (() => void)[] = [];
  const listeners = new Set<LedgerListener>();
  /** What the head has and the disk has not, in order. */
  let ahead: Staged[] = [];
  let isRetired = false;

  async function flush(units: readonly Unit[]): Promise<void> {
    for (const part of flushesOf(units, store.limits)) await write(part);
  }

  async function write({ staged, writes }: Flush): Promise<void> {
    const { revision } = await persist({ writes }, deps, () => isRetired);
    // Whoever retired has taken it back from the head, and learns from the store what is there.
    if (isRetired) throw retired();
    ahead.splice(0, staged.length);
    state.storeRevision = revision;
    const changes = changesOf(staged);
    state.history.add(changes);
    for (const listener of listeners) listener(changes);
  }

  const group = createGroupCommit<Unit>({
    clock,
    lastCall: () => {
      for (const lastCall of lastCalls) lastCall();
    },
    flush,
  });

  return {
    add(unit: Unit): Promise<void> {
      ahead.push(...unit);
      return group.add([unit]);
    },
    settled: group.settled,
    isRetired: () => isRetired,
    beforeFlush: (listener: () => void) => void lastCalls.push(listener),
    subscribe(listener: LedgerListener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    /** Takes back from the head what is not on disk, for all that is known, and refuses all else. */
    retire(): void {
      isRetired = true;
      for (const { undo } of ahead.toReversed()) undo();
      ahead = [];
      listeners.clear();
      group.end(retired());
    },
  };
}

/** What a store out of reach did not take is brought again: the head stands on it. */
async function persist(
  batch: Batch,
  { store, clock, onFailure }: Deps,
  isRetired: () => boolean,
): Promise<Committed> {
  try {
    const weather = { clock, isOver: isRetired };
    const result = await inAnyWeather(() => store.commit(batch), weather);
    assert(result.kind === "committed", "a batch without guards cannot be refused");
    return result;
  } catch (cause) {
    if (isRetired()) throw retired();
    onFailure(cause);
    throw unavailable("STORE_FAILED", "the manager's store has failed", { cause });
  }
}

type Committed = Extract<CommitResult, { kind: "committed" }>;

const RETIRED_RETRY_MS = 200;

const retired = () =>
  unavailable(
    "LEADERSHIP_LOST",
    "this manager no longer leads: repeat the call with the same request_id",
    {
      retryMs: RETIRED_RETRY_MS,
    },
  );
