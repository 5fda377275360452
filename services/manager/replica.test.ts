import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { remove, submit, type TaskChange } from "../../core/task-change.ts";
import { DEFAULT_RECORD } from "../../core/worker-settings.ts";
import { systemClock } from "../../lib/clock.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import { aSpec, START_MS } from "../../test/builders.ts";
import { createLedger } from "./ledger.ts";
import type { LedgerChange } from "./ledger-change.ts";
import { loadState } from "./ledger-load.ts";
import { prefixes } from "./ledger-records.ts";
import { emptyState, type LedgerState } from "./ledger-state.ts";
import { createReplica } from "./replica.ts";

/** What somebody does to a task, a worker, or by a request. Numbers are of tasks and workers. */
type Deed = Readonly<{ kind: "submit" | "touch" | "remove" | "worker"; number: number }>;

const deed: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constantFrom("submit", "submit", "touch", "remove", "worker"),
  number: fc.integer({ min: 0, max: 5 }),
});
/** Each inner list is committed in one turn. */
const turns = fc.array(fc.array(deed, { minLength: 1, maxLength: 6 }), { maxLength: 12 });

/** Which flush a change went along with. */
const flushOf = new WeakMap<LedgerChange, number>();

function rig() {
  const store = createMemoryStore();
  const state = emptyState();
  const onFailure = (error: unknown) => {
    throw error;
  };
  const ledger = createLedger(state, { store, clock: systemClock, onFailure });
  const changes: LedgerChange[] = [];
  let flushes = 0;
  ledger.subscribe((news) => {
    flushes++;
    for (const change of news) flushOf.set(change, flushes);
    changes.push(...news);
  });
  let serial = 0;
  /** The latest task of each number: an ID is never used again. */
  const ids = new Map<number, string>();

  function changeOf({ kind, number }: Deed): TaskChange | undefined {
    const task = ledger.tasks.get(ids.get(number) ?? "");
    if (kind === "submit" && !task) {
      const id = `t${serial}`;
      ids.set(number, id);
      return submit(id, aSpec({}, id), START_MS);
    }
    if (!task) return undefined;
    if (kind === "remove") return remove(task, "not needed");
    return { kind: "written", task, fromState: task.state, reason: "touched", workerId: "" };
  }

  function act(one: Deed): Promise<void> {
    const request = { requestId: `r${serial++}`, digest: "d", taskId: "", expireMs: 2 ** 52 };
    if (one.kind === "worker")
      return ledger.commitWorker(`w${one.number}`, DEFAULT_RECORD, request);
    const change = changeOf(one);
    return change ? ledger.commit([change], request) : Promise.resolve();
  }

  return { store, state, changes, act };
}

const told = ({ tasks, revision, requests, workers, storeRevision }: LedgerState) => ({
  tasks: [...tasks.all()].sort((a, b) => (a.id < b.id ? -1 : 1)),
  ...{ revision, storeRevision },
  requests: [...requests.values()].sort((a, b) => (a.requestId < b.requestId ? -1 : 1)),
  workers: [...workers].sort(),
});

test("a copy that follows the store, from wherever, becomes what the ledger is", async () => {
  await fc.assert(
    fc.asyncProperty(turns, fc.nat(11), async (deeds, joinAt) => {
      const { store, state, changes, act } = rig();
      const control = new AbortController();
      const copies: LedgerState[] = [];
      const follow = async () => {
        const copy = await loadState(store);
        copies.push(copy);
        const replica = createReplica(copy, store);
        void replica.follow(control.signal);
        return replica;
      };
      const first = await follow();
      const heard: LedgerChange[] = [];
      first.view.subscribe((news) => void heard.push(...news));
      for (const [index, turn] of deeds.entries()) {
        if (index === joinAt) await follow();
        await Promise.all(turn.map(act));
      }
      await first.reached(await store.revision(), control.signal);
      await systemClock.turn();
      for (const copy of copies) expect(told(copy)).toEqual(told(state));
      expect(heard.map(nameOf)).toEqual(changes.filter(isStored(changes)).map(nameOf));
      control.abort();
    }),
    { numRuns: 60, seed: 28 },
  );
});

test("a copy that was read while tasks went does not tell of them in part", async () => {
  const { store, act } = rig();
  await act({ kind: "submit", number: 1 });
  await act({ kind: "submit", number: 2 });
  const slow: typeof store = {
    ...store,
    // What happens while it is read.
    async list(prefix, page) {
      if (prefix === prefixes.task)
        await Promise.all([act({ kind: "remove", number: 1 }), act({ kind: "touch", number: 2 })]);
      return store.list(prefix, page);
    },
  };
  const copy = await loadState(slow);
  const control = new AbortController();
  const replica = createReplica(copy, store);
  void replica.follow(control.signal);
  await act({ kind: "touch", number: 2 });
  await replica.reached(await store.revision(), control.signal);
  expect(replica.view.since(2n)).toBe("compacted");
  expect(replica.view.since(4n)).toMatchObject([{ revision: 5n }]);
  control.abort();
});

const nameOf = ({ revision, removed, task }: LedgerChange) => [revision, removed, task.id];

/** A task that came and went within one flush was never in the store. */
function isStored(changes: readonly LedgerChange[]) {
  const flushIn = (one: LedgerChange | undefined) => one && flushOf.get(one);
  return ({ task }: LedgerChange) => {
    const mine = changes.filter((one) => one.task.id === task.id);
    const last = mine.at(-1);
    return !last?.removed || flushIn(last) !== flushIn(mine[0]);
  };
}
