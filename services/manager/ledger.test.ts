import { describe, expect, test } from "@jest/globals";
import { schedule, submit, type TaskChange } from "../../core/task-change.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { reasonOf } from "../../lib/errors.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import { type Store, StoreError } from "../../lib/store/store.ts";
import { aPlacedTask, aSpec, START_MS } from "../../test/builders.ts";
import { listEvents } from "./event-log.ts";
import { openLedger } from "./ledger.ts";
import type { LedgerChange } from "./ledger-change.ts";

const submission = (id: string) => submit(id, aSpec({}, id), START_MS);
const record = { requestId: "r1", digest: "d", taskId: "t1", expireMs: Number.MAX_SAFE_INTEGER };

async function open(store: Store = createMemoryStore()) {
  const failures: unknown[] = [];
  const ledger = await openLedger({
    store,
    clock: systemClock,
    random: createSeededRandom(1),
    onFailure: (error) => void failures.push(error),
  });
  const published: LedgerChange[] = [];
  ledger.subscribe((changes) => void published.push(...changes));
  return { ledger, store, published, failures };
}

/** A store whose commits wait until they are let go, or fail. */
function createGate(store: Store) {
  const waiting: (() => void)[] = [];
  let isOpen = true;
  let failure: Error | undefined;
  const gated: Store = {
    ...store,
    async commit(batch) {
      if (!isOpen) await new Promise<void>((resolve) => waiting.push(resolve));
      if (failure) throw failure;
      return store.commit(batch);
    },
  };
  return {
    gated,
    shut: () => {
      isOpen = false;
    },
    release: () => {
      isOpen = true;
      for (const go of waiting.splice(0)) go();
    },
    fail: (error: Error) => {
      failure = error;
    },
  };
}

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await systemClock.turn();
};

describe("a commit", () => {
  test("changes the head at once and is told of only once it is durable", async () => {
    const gate = createGate(createMemoryStore());
    const { ledger, published } = await open(gate.gated);
    gate.shut();
    let isDurable = false;
    const durable = ledger.commit([submission("t1")]).then(() => {
      isDurable = true;
    });
    expect(ledger.tasks.get("t1")?.revision).toBe(1n);
    await turns(5);
    expect(isDurable).toBe(false);
    expect(published).toEqual([]);
    gate.release();
    await durable;
    expect(published.map(({ revision }) => revision)).toEqual([1n]);
  });

  test("holds up readers who saw it until it is durable", async () => {
    const gate = createGate(createMemoryStore());
    const { ledger } = await open(gate.gated);
    gate.shut();
    void ledger.commit([submission("t1")]);
    let isSettled = false;
    const settled = ledger.settled().then(() => {
      isSettled = true;
    });
    await turns(5);
    expect(isSettled).toBe(false);
    gate.release();
    await settled;
  });

  test("numbers changes without a gap", async () => {
    const { ledger, published } = await open();
    await Promise.all([
      ledger.commit([submission("t1"), submission("t2")]),
      ledger.commit([submission("t3")]),
    ]);
    expect(published.map(({ revision }) => revision)).toEqual([1n, 2n, 3n]);
    expect(ledger.revision()).toBe(3n);
  });

  test("takes along what the last call adds", async () => {
    const gate = createGate(createMemoryStore());
    let commits = 0;
    const counting = {
      ...gate.gated,
      commit(batch: Parameters<Store["commit"]>[0]) {
        commits++;
        return gate.gated.commit(batch);
      },
    };
    const { ledger } = await open(counting);
    const before = commits;
    ledger.beforeFlush(() => {
      const task = ledger.tasks.get("t1");
      const placement = aPlacedTask().attempt?.placement;
      if (task?.state === TaskState.PENDING && placement)
        void ledger.commit([schedule(task, placement, START_MS)]);
    });
    await ledger.commit([submission("t1")]);
    expect(ledger.tasks.get("t1")?.state).toBe(TaskState.SCHEDULED);
    expect(commits - before).toBe(1);
  });
});

describe("a ledger that is opened again", () => {
  test("has every task, the revision, the cluster and the requests; the epoch is new", async () => {
    const { ledger, store } = await open();
    await ledger.commit([submission("t1"), submission("t2")], record);
    const again = (await open(store)).ledger;
    expect([...again.tasks.pending()].map(({ id }) => id)).toEqual(["t1", "t2"]);
    expect(again.tasks.get("t1")).toEqual(ledger.tasks.get("t1"));
    expect(again.revision()).toBe(2n);
    expect(again.clusterId).toBe(ledger.clusterId);
    expect(again.request("r1")).toEqual(record);
    expect(again.epoch).toBe(ledger.epoch + 1n);
  });

  test("says that the history before its start is compacted", async () => {
    const { ledger, store } = await open();
    await ledger.commit([submission("t1")]);
    expect(ledger.since(0n)).toMatchObject([{ revision: 1n }]);
    const again = (await open(store)).ledger;
    expect(again.since(0n)).toBe("compacted");
    expect(again.since(1n)).toEqual([]);
  });

  test("forgets an expired request", async () => {
    const { ledger, store } = await open();
    await ledger.commit([submission("t1")], { ...record, expireMs: 1 });
    expect(ledger.request("r1")).toBeUndefined();
    await ledger.commit([], { ...record, requestId: "r2" });
    expect(await store.get("request/r1")).toBeUndefined();
  });
});

test("a removed task is gone from the store", async () => {
  const { ledger, store } = await open();
  const made = submission("t1");
  await ledger.commit([made]);
  const removal: TaskChange = { ...made, kind: "removed", reason: "removed" };
  await ledger.commit([removal]);
  expect(ledger.tasks.get("t1")).toBeUndefined();
  expect(await store.get("task/t1")).toBeUndefined();
});

test("every change is a stored event, found by its task", async () => {
  const { ledger, store } = await open();
  await ledger.commit([submission("t1"), submission("t2")]);
  const all = await listEvents(store, { taskId: "", after: 0n, limit: 10 });
  expect(all.map(({ taskId, reason }) => `${taskId} ${reason}`)).toEqual([
    "t1 submitted",
    "t2 submitted",
  ]);
  const ofOne = await listEvents(store, { taskId: "t2", after: 0n, limit: 10 });
  expect(ofOne.map(({ revision }) => revision)).toEqual([2n]);
});

test("a store that fails is told of once; nothing is acknowledged any more", async () => {
  const gate = createGate(createMemoryStore());
  const { ledger, published, failures } = await open(gate.gated);
  gate.fail(new StoreError("disk full"));
  const error = await ledger.commit([submission("t1")]).catch((reason: unknown) => reason);
  expect(reasonOf(error)).toBe("STORE_FAILED");
  await expect(ledger.settled()).rejects.toThrow("store has failed");
  await expect(ledger.commit([submission("t2")])).rejects.toThrow("store has failed");
  expect(published).toEqual([]);
  expect(failures).toHaveLength(1);
});
