import { assertWellFormed, noLimits, planBatch } from "./batch-plan.ts";
import { createHistory } from "./history.ts";
import { createOrderedMap } from "./ordered-map.ts";
import { type Entry, type Store, StoreError } from "./store.ts";

type Options = Readonly<{
  /** How many changes are remembered for watchers. */
  historyMax?: number;
}>;

/** A store that dies with the process: for tests, simulations and trials. */
export function createMemoryStore({ historyMax }: Options = {}): Store {
  const entries = createOrderedMap<Entry>();
  const history = createHistory(0n, historyMax);
  let head = 0n;
  let closed = false;

  function open(): typeof entries {
    if (closed) throw new StoreError("the store is closed");
    return entries;
  }

  return {
    limits: noLimits,
    async get(key) {
      const entry = open().get(key);
      return entry && snapshot(entry);
    },
    async list(prefix, { after, limit } = {}) {
      return open().range(prefix, after).slice(0, limit).map(snapshot);
    },
    async count(prefix) {
      return open().range(prefix).length;
    },
    async commit(batch) {
      const stored = open();
      assertWellFormed(batch);
      const revisionOf = (key: string) => stored.get(key)?.revision ?? 0n;
      const { result, changes } = planBatch(batch, head, revisionOf);
      for (const change of changes) {
        if (change.kind === "delete") stored.delete(change.key);
        else stored.set(change.key, change);
      }
      if (changes.length > 0) history.append(++head, changes);
      return result;
    },
    watch: (prefix, afterRevision, signal) => history.watch(prefix, afterRevision, signal),
    async revision() {
      open();
      return head;
    },
    async close() {
      closed = true;
      entries.clear();
      history.end(new StoreError("the store is closed"));
    },
  };
}

/** An entry on its own memory, for a caller who may change it. */
const snapshot = ({ key, value, revision }: Entry): Entry => ({
  key,
  value: new Uint8Array(value),
  revision,
});
