import { deliveriesAfter, type Push } from "../../core/reconcile.ts";
import type { Ledger } from "./ledger.ts";

/** Tells links what their workers must be told after changes have become durable. */
export interface Deliveries {
  /** Calls `listener` with every push for a worker, until the returned function is called. */
  subscribe(workerId: string, listener: (push: Push) => void): () => void;
}

/** Looks at every change once, however many links there are. */
export function createDeliveries(ledger: Pick<Ledger, "subscribe">): Deliveries {
  const listeners = new Map<string, Set<(push: Push) => void>>();

  ledger.subscribe((changes) => {
    for (const { task, removed } of changes)
      for (const { workerId, push } of deliveriesAfter(task, removed))
        for (const listener of listeners.get(workerId) ?? []) listener(push);
  });

  return {
    subscribe(workerId, listener) {
      const ofWorker = listeners.get(workerId) ?? new Set();
      listeners.set(workerId, ofWorker.add(listener));
      return () => {
        ofWorker.delete(listener);
        if (ofWorker.size === 0 && listeners.get(workerId) === ofWorker) listeners.delete(workerId);
      };
    },
  };
}
