import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { remove, submit } from "../../core/task-change.ts";
import { DEFAULT_RECORD } from "../../core/worker-settings.ts";
import { systemClock } from "../../lib/clock.ts";
import { reasonOf, retryMsOf } from "../../lib/errors.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import { type Batch, type BatchLimits, type Store, StoreError } from "../../lib/store/store.ts";
import { aSpec, START_MS } from "../../test/builders.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { loadState } from "./ledger-load.ts";
import { emptyState, type LedgerState } from "./ledger-state.ts";

const submission = (id: string) => submit(id, aSpec({}, id), START_MS);
const record = (requestId: string) => ({ requestId, digest: "d", taskId: "", expireMs: 2 ** 52 });

function open(store: Store, state: LedgerState = emptyState()) {
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => void failures.push(error);
  return { ledger: createLedger(state, { store, clock: systemClock, onFailure }), state, failures };
}

/** A store that takes so much at a time, and tells what it was given. */
function limited(limits: BatchLimits) {
  const store = createMemoryStore();
  const batches: Batch[] = [];
  const commit: Store["commit"] = (batch) => {
    batches.push(batch);
    return store.commit(batch);
  };
  return { store: { ...store, limits, commit }, batches };
}

/** A store that answers nothing any more once it is shut. */
function shutter() {
  const store = createMemoryStore();
  let isShut = false;
  const commit: Store["commit"] = (batch) =>
    isShut ? new Promise(() => undefined) : store.commit(batch);
  return {
    store: { ...store, commit },
    shut: () => {
      isShut = true;
    },
  };
}

const told = (state: LedgerState) => ({
  tasks: [...state.tasks.all()],
  revision: state.revision,
  requests: [...state.requests.keys()].sort(),
  workers: [...state.workers.keys()],
});

test("a ledger that retires is what the store is, and refuses whoever waits", async () => {
  const { store, shut } = shutter();
  const { ledger, state } = open(store);
  await ledger.commit(["t1", "t2", "t3"].map(submission), record("r1"));
  const durable = told(state);
  shut();
  const { tasks } = ledger;
  const second = tasks.get("t2");
  const waiting = [
    ledger.commit([submission("t4")], record("r2")),
    ...(second ? [ledger.commit([remove(second, "not needed")])] : []),
    ledger.commitWorker("w1", DEFAULT_RECORD, record("r3")),
    ledger.settled(),
  ];
  await systemClock.turn();
  ledger.retire();
  for (const one of waiting) {
    const error = await one.catch((refusal: unknown) => refusal);
    expect(reasonOf(error)).toBe("LEADERSHIP_LOST");
    expect(retryMsOf(error)).toBeGreaterThan(0);
  }
  const late = ledger.commit([submission("t5")], record("r4")).catch((refusal: unknown) => refusal);
  expect(reasonOf(await late)).toBe("LEADERSHIP_LOST");
  expect(told(state)).toEqual(durable);
  const loaded = await loadState(store);
  expect(loaded.storeRevision).toBe(state.storeRevision);
  expect(loaded.history.since(state.revision)).toEqual([]);
  expect(reasonOf(await ledger.settled().catch((error: unknown) => error))).toBe("LEADERSHIP_LOST");
});

test("what a store out of reach did not take is brought again, once and in order", async () => {
  const { store, batches } = limited({ operations: 1_000, bytes: 2 ** 20 });
  let refusals = 2;
  const commit: Store["commit"] = async (batch) => {
    if (refusals-- > 0) throw new StoreError("no answer", { kind: "unavailable" });
    return store.commit(batch);
  };
  const { ledger, failures } = open({ ...store, commit });
  await Promise.all([ledger.commit([submission("t1")]), ledger.commit([submission("t2")])]);
  expect(batches).toHaveLength(1);
  expect(failures).toEqual([]);
});

const small: BatchLimits = { operations: 12, bytes: 4_096 };

const commits = fc.array(fc.record({ size: fc.integer({ min: 1, max: 9 }), asked: fc.boolean() }), {
  minLength: 1,
  maxLength: 12,
});

test("whatever is committed at once, no batch is larger than the store takes", async () => {
  await fc.assert(
    fc.asyncProperty(commits, async (wishes) => {
      const { store, batches } = limited(small);
      const { ledger, state } = open(store);
      let count = 0;
      const next = () => submission(`t${String(count++).padStart(4, "0")}`);
      const durable = wishes.map(({ size, asked }, index) =>
        ledger.commit(Array.from({ length: size }, next), asked ? record(`r${index}`) : undefined),
      );
      await Promise.all(durable);
      for (const { writes } of batches) expect(writes.length).toBeLessThanOrEqual(small.operations);
      expect(told(await loadState(store))).toEqual(told(state));
    }),
    { numRuns: 30, seed: 28 },
  );
});

test("a task and the record of its request are never apart", async () => {
  const { store, batches } = limited(small);
  const { ledger } = open(store);
  await submitAll(ledger, 20);
  for (const { writes } of batches) {
    const kinds = writes.map(({ key }) => key.split("/")[0]);
    const count = (kind: string) => kinds.filter((each) => each === kind).length;
    expect(count("request")).toBe(count("task"));
  }
  expect(batches.length).toBeGreaterThan(5);
});

const submitAll = (ledger: Ledger, count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, i) => ledger.commit([submission(`t${i}`)], record(`r${i}`))),
  );
