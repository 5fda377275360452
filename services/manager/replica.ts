import { createMilestone } from "../../lib/milestone.ts";
import type { ReadStore } from "../../lib/store/shared-store.ts";
import type { StoreChange } from "../../lib/store/store.ts";
import type { LedgerListener, LedgerView } from "./ledger.ts";
import type { LedgerState } from "./ledger-state.ts";
import { applyBatch } from "./replica-apply.ts";
import { createWorkerRecords } from "./worker-records.ts";

/** The ledger as a manager has it that does not lead: a copy, made of what the one that leads writes. */
export interface Replica {
  readonly view: LedgerView;
  /** Follows the store until `signal` aborts. Throws a CompactedError when it has missed something. */
  follow(signal: AbortSignal): Promise<void>;
  /** Resolves once the store's batch of this revision is in it; rejects when `signal` aborts before. */
  reached(storeRevision: bigint, signal: AbortSignal): Promise<void>;
}

/** From now on, and until `follow` has ended, nobody else changes the state. */
export function createReplica(state: LedgerState, store: ReadStore): Replica {
  const listeners = new Set<LedgerListener>();
  const workers = createWorkerRecords(state.workers);
  const milestone = createMilestone(state.storeRevision);

  function apply(batch: readonly StoreChange[]): void {
    const applied = applyBatch(state, batch);
    for (const [workerId, record] of applied.workers) workers.set(workerId, record);
    if (applied.changes.length > 0) for (const listener of listeners) listener(applied.changes);
    milestone.pass(state.storeRevision);
  }

  return {
    view: {
      get clusterId() {
        return state.clusterId;
      },
      get epoch() {
        return state.epoch;
      },
      tasks: state.tasks,
      workers,
      revision: () => state.revision,
      horizon: () => state.horizon,
      // All of it is durable: it came from the store.
      settled: () => Promise.resolve(),
      subscribe(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      since: (revision) => state.history.since(revision),
    },
    async follow(signal) {
      for await (const batch of store.watch("", state.storeRevision, signal)) apply(batch);
    },
    reached: milestone.reached,
  };
}
