import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import { afterAll, expect, test } from "@jest/globals";
import { toMillis, toTimestamp } from "../../core/time.ts";
import { type Task, TaskSchema } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { reasonOf } from "../../lib/errors.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { openLmdbStore } from "../../lib/store/lmdb-store.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import type { Store } from "../../lib/store/store.ts";
import { runEventTrimmer } from "./event-trimmer.ts";
import { runHistoryKeeper } from "./history-keeper.ts";
import type { Ledger } from "./ledger.ts";
import { createManagerRig } from "./testing/manager-rig.ts";
import { createRandomHistory } from "./testing/random-history.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-past-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const stores: readonly (readonly [string, () => Promise<Store>])[] = [
  ["memory", async () => createMemoryStore()],
  ["LMDB", () => openLmdbStore({ folder: join(folder, "store"), clock: systemClock })],
];

type Limits = Readonly<{ eventsMax: number; removedMax: number }>;

/** A history long enough that most of its tasks have come and gone. */
const STEPS = 250;

/** As bytes, so that any difference shows. What a removed task had in its environment is not kept. */
const bytesOf = (task: Task, isGone: boolean): string =>
  Buffer.from(
    toBinary(TaskSchema, { ...task, spec: task.spec && { ...task.spec, env: {} } }),
  ).toString("hex") + (isGone ? "" : JSON.stringify(task.spec?.env));

type Recorded = Readonly<{ ms: number; revision: bigint; tasks: readonly Task[] }>;

/** Lets things happen, notes how the ledger was after each, and asks for all of that afterwards. */
async function live(store: Store, seed: number, limits: Limits) {
  const random = createSeededRandom(seed);
  const clock = createManualClock();
  const history = createRandomHistory(random);
  const recorded: Recorded[] = [];
  let rig = await open();

  async function open() {
    const opened = await createManagerRig({ store, clock });
    const control = new AbortController();
    const loops = [
      runEventTrimmer({ ...opened }, limits, control.signal),
      runHistoryKeeper(
        { ...opened },
        { historyMs: Number.POSITIVE_INFINITY, ...limits },
        control.signal,
      ),
    ];
    const close = async () => {
      for (let turn = 0; turn < 50; turn++) await systemClock.turn();
      control.abort();
      await Promise.all(loops);
    };
    return { ...opened, close };
  }

  for (let step = 0; step < STEPS; step++) {
    await clock.advance(1 + Math.floor(random() * 5_000));
    await history.happen(rig.ledger, clock.now());
    recorded.push(noted(rig.ledger, clock.now()));
    if (random() < 0.02) {
      await rig.close();
      rig = await open();
    }
  }
  await rig.close();
  return { rig, recorded, random };
}

const noted = (ledger: Ledger, ms: number): Recorded => ({
  ms,
  revision: ledger.revision(),
  tasks: [...ledger.tasks.all()],
});

type Lived = Awaited<ReturnType<typeof live>>;

/** All that is told of a time, asked for in pages of some size. */
async function askAt({ client }: Lived["rig"], ms: number, pageSize: number) {
  const tasks: Task[] = [];
  const gaps: string[] = [];
  let revision = 0n;
  let pageToken = "";
  do {
    const page = await client.listTasks({ atTime: toTimestamp(ms), pageSize, pageToken });
    tasks.push(...page.tasks);
    gaps.push(...page.gaps.map(({ id }) => id));
    revision = page.revision;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return { tasks, gaps, revision };
}

/** Compares what is told of every recorded moment with what was. How many could be told. */
async function compare({
  rig,
  recorded,
  random,
}: Lived): Promise<Readonly<Record<string, number>>> {
  const counts = { told: 0, refused: 0, gaps: 0 };
  const isGone = ({ id }: Task) => rig.ledger.tasks.get(id) === undefined;
  for (const { ms, tasks, revision } of recorded) {
    const answer = await askAt(rig, ms, 1 + Math.floor(random() * 40)).catch((error) => {
      if (reasonOf(error) !== "COMPACTED") throw error;
      return undefined;
    });
    const isKept = ms >= rig.ledger.horizon().ms;
    expect([ms, answer !== undefined]).toEqual([ms, isKept]);
    if (!answer) {
      counts.refused++;
      continue;
    }
    const forgotten = new Set(answer.gaps);
    const expected = tasks.filter(({ id }) => !forgotten.has(id));
    expect(answer.tasks.map((task) => bytesOf(task, isGone(task)))).toEqual(
      expected.map((task) => bytesOf(task, isGone(task))),
    );
    // One that began between two events that are kept may not have been there yet.
    const early = [...forgotten].filter((id) => !tasks.some((task) => task.id === id));
    const soon = recorded.filter((each) => each.ms > ms).flatMap((each) => each.tasks);
    for (const id of early) expect(soon.some((task) => task.id === id)).toBe(true);
    expect(expected.length + forgotten.size - early.length).toBe(tasks.length);
    if (forgotten.size === 0) expect(answer.revision).toBeLessThanOrEqual(revision);
    counts.told++;
    counts.gaps += forgotten.size;
  }
  return counts;
}

const whole: Limits = { eventsMax: 1_000, removedMax: 1_000 };

test.each(stores)("what is told of any time is what the ledger said then: %s", async (_, open) => {
  const store = await open();
  const lived = await live(store, 43, whole);
  const counts = await compare(lived);
  expect(counts).toEqual({ told: STEPS, refused: 0, gaps: 0 });
  expect(await store.count("removed/")).toBeGreaterThan(30);
  await store.close();
});

test("of a task whose history was cut it is told that it was there, and all else is told", async () => {
  const lived = await live(createMemoryStore(), 2, { eventsMax: 5, removedMax: 1_000 });
  const counts = await compare(lived);
  expect(counts).toMatchObject({ told: STEPS, refused: 0 });
  expect(counts["gaps"]).toBeGreaterThan(10);
});

test("a time before a task that was forgotten is refused, and every later one told", async () => {
  const lived = await live(createMemoryStore(), 3, { eventsMax: 1_000, removedMax: 15 });
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
