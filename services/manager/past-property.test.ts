import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { toMillis, toTimestamp } from "../../core/time.ts";
import { systemClock } from "../../lib/clock.ts";
import { openLmdbStore } from "../../lib/store/lmdb-store.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import type { Store } from "../../lib/store/store.ts";
import { compare, type Limits, live, type Recorded, STEPS } from "./testing/past-life.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-past-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const stores: readonly (readonly [string, () => Promise<Store>])[] = [
  ["memory", async () => createMemoryStore()],
  ["LMDB", () => openLmdbStore({ folder: join(folder, "store"), clock: systemClock })],
];

const whole: Limits = { eventsMax: 1_000, removedMax: 1_000 };

test.each(stores)("what is told of any time is what the ledger said then: %s", async (_, open) => {
  const store = await open();
  const lived = await live(store, 43, whole);
  const counts = await compare(lived);
  expect(counts).toEqual({ told: STEPS, refused: 0, gaps: 0 });
  expect(await store.count("removed/")).toBeGreaterThan(10);
  await store.close();
});

test("of a task whose history was cut it is told that it was there, and all else is told", async () => {
  const lived = await live(createMemoryStore(), 2, { eventsMax: 5, removedMax: 1_000 });
  const counts = await compare(lived);
  expect(counts).toMatchObject({ told: STEPS, refused: 0 });
  expect(counts["gaps"]).toBeGreaterThan(10);
});

test("a time before a task that was forgotten is refused, and every later one told", async () => {
  const lived = await live(createMemoryStore(), 3, { eventsMax: 1_000, removedMax: 6 });
  const counts = await compare(lived);
  expect(counts["refused"]).toBeGreaterThan(10);
  expect(counts["told"]).toBeGreaterThan(10);
});

test("a difference between two times is what tasks at both times say", async () => {
  const { rig, recorded, random } = await live(createMemoryStore(), 7, whole);
  const oneOf = () => recorded[Math.floor(random() * recorded.length)] as Recorded;
  for (let round = 0; round < 40; round++) {
    const [from, to] = [oneOf(), oneOf()].sort((a, b) => a.ms - b.ms) as [Recorded, Recorded];
    const before = new Map(from.tasks.map((task) => [task.id, task]));
    const after = new Map(to.tasks.map((task) => [task.id, task]));
    const between = recorded.filter(({ ms }) => ms > from.ms && ms < to.ms);
    const seen = between.flatMap(({ tasks }) => tasks.map(({ id }) => id));
    const different = [...new Set([...before.keys(), ...after.keys(), ...seen])].filter(
      (id) =>
        before.get(id)?.revision !== after.get(id)?.revision || !(before.get(id) ?? after.get(id)),
    );
    const told: string[] = [];
    let pageToken = "";
    do {
      const [fromTime, toTime] = [toTimestamp(from.ms), toTimestamp(to.ms)];
      const page = await rig.client.listDifferences({ fromTime, toTime, pageSize: 7, pageToken });
      for (const { taskId, kinds, from: was, to: is } of page.tasks) {
        told.push(taskId);
        expect([was?.state, is?.state]).toEqual([
          before.get(taskId)?.state,
          after.get(taskId)?.state,
        ]);
        expect(kinds.length).toBeGreaterThan(0);
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(told).toEqual(expect.arrayContaining(different.sort()));
  }
  expect(recorded.at(-1)?.ms).toBeLessThanOrEqual(toMillis(toTimestamp(rig.clock.now())));
});
