import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { submit, wait } from "../../core/task-change.ts";
import { toTimestamp } from "../../core/time.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import type { Store, Write } from "../../lib/store/store.ts";
import { aSpec } from "../../test/builders.ts";
import { renewed } from "./ledger-copies.ts";
import { loadState } from "./ledger-load.ts";
import { listPastTasks } from "./past-queries.ts";
import { createReplica } from "./replica.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const MINUTE_MS = 60_000;

/** A manager under which a task is submitted, waits for something else a minute later, and so on. */
async function start(store: Store = createMemoryStore()) {
  const clock = createManualClock();
  const rig = await createManagerRig({ store, clock });
  const startMs = clock.now();
  const submitNow = async (id: string) => {
    await clock.advance(MINUTE_MS);
    await rig.ledger.commit([submit(id, aSpec({ env: { KEY: "v" } }, id), clock.now())]);
  };
  const stir = async (id: string) => {
    await clock.advance(MINUTE_MS);
    const task = rig.ledger.tasks.get(id);
    if (task) await rig.ledger.commit(wait(task, `since ${clock.now()}`, clock.now()));
  };
  const at = (minutes: number) => ({ atTime: toTimestamp(startMs + minutes * MINUTE_MS) });
  return { ...rig, clock, submitNow, stir, at };
}

const codeOf = (error: unknown) => ConnectError.from(error).code;

test.each<readonly [string, Parameters<Awaited<ReturnType<typeof start>>["at"]>[0], RegExp]>([
  ["a time that is yet to come", 99, /at_time: is 2026-01-01T01:39:00.000Z, which is yet to come/],
])("refuses %s, and says what the clock says", async (_, minutes, words) => {
  const { client, at } = await start();
  const error = await client.listTasks(at(minutes)).catch((refusal: unknown) => refusal);
  expect(codeOf(error)).toBe(Code.InvalidArgument);
  expect(String(error)).toMatch(words);
});

test("refuses a time before the cluster was, and names the first that it can tell", async () => {
  const { client, at } = await start();
  const error = await client.listTasks(at(-1)).catch((refusal: unknown) => refusal);
  expect(codeOf(error)).toBe(Code.OutOfRange);
  expect(String(error)).toContain("ask for 2026-01-01T00:00:00.000Z or later");
});

test.each(["bm9uZQ", "YWZ0ZXI6MDA"])(
  "refuses a page token of something else: %s",
  async (token) => {
    const { client, at } = await start();
    const error = await client
      .listTasks({ ...at(0), pageToken: token })
      .catch((refusal: unknown) => refusal);
    expect(codeOf(error)).toBe(Code.InvalidArgument);
  },
);

test("the present refuses the page token of the past", async () => {
  const { client, submitNow, at, stir } = await start();
  for (const id of ["t1", "t2"]) await submitNow(id);
  await stir("t2");
  const { nextPageToken } = await client.listTasks({ ...at(2), pageSize: 1 });
  expect(nextPageToken).not.toBe("");
  const error = await client
    .listTasks({ pageToken: nextPageToken })
    .catch((refusal: unknown) => refusal);
  expect(codeOf(error)).toBe(Code.InvalidArgument);
});

test("all pages show the moment of the first, whatever happens between", async () => {
  const { client, submitNow, stir, at, ledger } = await start();
  for (const id of ["t1", "t2", "t3"]) await submitNow(id);
  const first = await client.listTasks({ ...at(3), pageSize: 1 });
  await stir("t2");
  await client.removeTask({ taskId: "t3", force: true });
  const rest = await client.listTasks({
    ...at(3),
    pageSize: 9,
    pageToken: first.nextPageToken,
  });
  expect(rest.tasks.map(({ id }) => id)).toEqual(["t2", "t3"]);
  expect(rest.tasks[0]?.waitingReason).toBe("waits for placement");
  expect(rest.revision).toBe(first.revision);
  expect(ledger.tasks.get("t3")).toBeUndefined();
});

test("a removed task is told of with its events, but for its environment", async () => {
  const { client, submitNow, at, clock } = await start();
  await submitNow("t1");
  await clock.advance(MINUTE_MS);
  await client.removeTask({ taskId: "t1", force: true });
  const { task } = await client.getTask({ taskId: "t1", ...at(1.5) });
  expect(task?.spec?.image).toBe("busybox:1");
  expect(task?.spec?.env).toEqual({});
  const { events } = await client.listTaskEvents({ taskId: "t1" });
  expect(events.map(({ reason, removed }) => [reason, removed])).toEqual([
    ["submitted", false],
    ["removed", true],
  ]);
  const gone = await client.getTask({ taskId: "t1", ...at(2) }).catch((error: unknown) => error);
  expect(codeOf(gone)).toBe(Code.NotFound);
});

/** As an earlier version of Berth leaves a store: events without versions, and nobody keeps a history. */
async function forgetVersions(store: Store): Promise<void> {
  const marks = await store.list("task-event/");
  const writes: Write[] = marks.map(({ key }) => ({ kind: "put", key, value: new Uint8Array() }));
  await store.commit({ writes: [...writes, { kind: "delete", key: "meta/history" }] });
}

test("a store of an earlier version is told from its first start with this one on", async () => {
  const store = createMemoryStore();
  const before = await start(store);
  for (const id of ["t1", "t2"]) await before.submitNow(id);
  await forgetVersions(store);
  const { client, ledger, clock, stir } = await start(store);
  const atStart = { atTime: toTimestamp(clock.now()) };
  await stir("t1");
  const { tasks } = await client.listTasks(atStart);
  expect(tasks.map(({ id, waitingReason }) => [id, waitingReason])).toEqual([
    ["t1", "waits for placement"],
    ["t2", "waits for placement"],
  ]);
  expect(tasks[0]?.revision).toBe(1n);
  expect(ledger.horizon().revision).toBe(2n);
});

test("a copy of the ledger tells the same past as the ledger", async () => {
  const store = createMemoryStore();
  const { submitNow, stir, at, client, clock } = await start(store);
  for (const id of ["t1", "t2"]) await submitNow(id);
  await stir("t1");
  await client.removeTask({ taskId: "t2", force: true });
  const replica = createReplica(await loadState({ ...store } as never), store as never);
  const deps = { ledger: replica.view, store, clock };
  for (const minutes of [0, 1, 2, 3]) {
    const request = { ...at(minutes), pageSize: 9 };
    const told = await client.listTasks(request);
    const copy = await listPastTasks({ ...request, pageToken: "" } as never, deps);
    expect(copy.tasks).toEqual(told.tasks);
    expect(copy.revision).toBe(told.revision);
  }
});

test("a restored store tells what was before its backup", async () => {
  const store = createMemoryStore();
  const { submitNow, stir, at, clock } = await start(store);
  await submitNow("t1");
  await stir("t1");
  const restored = createMemoryStore();
  async function* pages() {
    yield await store.list("");
  }
  for await (const page of renewed(pages(), clock.now()))
    await restored.commit({
      writes: page.map(({ key, value }): Write => ({ kind: "put", key, value })),
    });
  const again = await start(restored);
  await again.clock.advance(5 * MINUTE_MS);
  expect(again.ledger.horizon().ms).toBe(clock.now() - 2 * MINUTE_MS);
  const { tasks } = await again.client.listTasks(at(1));
  expect(tasks.map(({ waitingReason }) => waitingReason)).toEqual(["waits for placement"]);
});
