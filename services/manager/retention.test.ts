import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { write } from "../../core/task-change.ts";
import { toTimestamp } from "../../core/time.ts";
import { AttemptSchema, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import { aPendingTask, START_MS } from "../../test/builders.ts";
import { type Ledger, openLedger } from "./ledger.ts";
import { runRetention } from "./retention.ts";

const KEPT_MS = 60_000;

async function createRig(store = createMemoryStore()) {
  const clock = createManualClock(START_MS);
  const onFailure = () => undefined;
  const ledger = await openLedger({ store, clock, random: createSeededRandom(1), onFailure });
  const control = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  return {
    clock,
    ledger,
    store,
    run: (finishedMs = KEPT_MS) => {
      ended = runRetention({ ledger, clock, log: silentLog }, { finishedMs }, control.signal);
    },
    ids: () => [...ledger.tasks.all()].map(({ id }) => id),
    async stop() {
      control.abort();
      await ended;
    },
  };
}

const put = (ledger: Ledger, task: Task) => ledger.commit([write(task, TaskState.RUNNING, "seen")]);

const aTask = (id: string, state: TaskState, updateMs = START_MS): Task => ({
  ...aPendingTask(id),
  state,
  updateTime: toTimestamp(updateMs),
});

test("a finished task is removed when it has been kept long enough, and not before", async () => {
  const { clock, ledger, run, ids, stop } = await createRig();
  run();
  await put(ledger, aTask("t1", TaskState.COMPLETED));
  await clock.advance(KEPT_MS - 1);
  expect(ids()).toEqual(["t1"]);
  await clock.advance(1);
  expect(ids()).toEqual([]);
  await stop();
});

test("what still runs, or is followed by another attempt, stays", async () => {
  const { clock, ledger, run, ids, stop } = await createRig();
  run();
  await put(ledger, aTask("runs", TaskState.RUNNING));
  await put(ledger, aTask("restarts", TaskState.FAILED));
  await put(ledger, aTask("restarts", TaskState.PENDING));
  const successor = create(AttemptSchema, { number: 2 });
  await put(ledger, { ...aTask("moves", TaskState.LOST), successor });
  await clock.advance(KEPT_MS * 2);
  expect(ids()).toEqual(["runs", "restarts", "moves"]);
  expect(clock.sleeperCount).toBe(0);
  await stop();
});

test("time spent finished counts over a restart, and a clock that went back delays nothing", async () => {
  const { ledger: first, store } = await createRig();
  await put(first, aTask("old", TaskState.STOPPED, START_MS - KEPT_MS + 1_000));
  await put(first, aTask("future", TaskState.FAILED, START_MS + 365 * 86_400_000));
  await put(first, aTask("ancient", TaskState.LOST, START_MS - 2 * KEPT_MS));
  const { clock, run, ids, stop } = await createRig(store);
  run();
  await clock.advance(0);
  expect(ids()).toEqual(["future", "old"]);
  await clock.advance(1_000);
  expect(ids()).toEqual(["future"]);
  await clock.advance(KEPT_MS - 1_000);
  expect(ids()).toEqual([]);
  await stop();
});

test("many tasks go in commits of bounded size, oldest first", async () => {
  const { clock, ledger, run, ids, stop } = await createRig();
  const count = 600;
  for (let i = 0; i < count; i++) await put(ledger, aTask(`t${i}`, TaskState.COMPLETED));
  const removals: number[] = [];
  ledger.subscribe((changes) => void removals.push(changes.length));
  run();
  await clock.advance(KEPT_MS);
  expect(ids()).toEqual([]);
  expect(Math.max(...removals)).toBeLessThanOrEqual(256);
  expect(removals.reduce((sum, size) => sum + size, 0)).toBe(count);
  await stop();
});

test("kept for ever means kept for ever", async () => {
  const { clock, ledger, run, ids, stop } = await createRig();
  run(Number.POSITIVE_INFINITY);
  await put(ledger, aTask("t1", TaskState.COMPLETED));
  await clock.advance(100 * 365 * 86_400_000);
  expect(ids()).toEqual(["t1"]);
  await stop();
});
