import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { move, remove, submit, type TaskChange, write } from "../../core/task-change.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { openLmdbStore } from "../../lib/store/lmdb-store.ts";
import type { Store } from "../../lib/store/store.ts";
import { aSpec, START_MS } from "../../test/builders.ts";
import { runHistoryKeeper } from "./history-keeper.ts";
import { type Ledger, openLedger } from "./ledger.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-store-size-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** How many tasks are alive at a time. */
const FLEET = 100;

const LIFE = [TaskState.SCHEDULED, TaskState.STARTING, TaskState.RUNNING, TaskState.COMPLETED];

/** Whole lives of `FLEET` tasks side by side: submitted, run, ended, removed. */
async function liveOnce(ledger: Ledger, generation: number): Promise<void> {
  const ids = Array.from({ length: FLEET }, (_, i) => `t-${generation}-${i}`);
  await ledger.commit(ids.map((id) => submit(id, aSpec({}, id), START_MS)));
  for (const state of LIFE) await ledger.commit(ids.flatMap((id) => stepTo(ledger, id, state)));
  await ledger.commit(ids.flatMap((id) => end(ledger, id)));
}

function stepTo(ledger: Ledger, id: string, state: TaskState): readonly TaskChange[] {
  const task = ledger.tasks.get(id);
  return task ? [write(move(task, state, START_MS), task.state, "seen")] : [];
}

function end(ledger: Ledger, id: string): readonly TaskChange[] {
  const task = ledger.tasks.get(id);
  return task ? [remove(task, "removed")] : [];
}

async function untilSwept(store: Store): Promise<void> {
  while ((await store.count("removed/")) > FLEET) await systemClock.turn();
}

test("the store's file does not grow with the number of tasks that have come and gone", async () => {
  const store = await openLmdbStore({ folder: join(folder, "store"), clock: systemClock });
  const onFailure = () => undefined;
  const random = createSeededRandom(1);
  const ledger = await openLedger({ store, clock: systemClock, random, onFailure });
  const control = new AbortController();
  const swept = runHistoryKeeper(
    { store, ledger, clock: systemClock, log: silentLog },
    { historyMs: Number.POSITIVE_INFINITY, removedMax: FLEET },
    control.signal,
  );
  const sizeAfter = async (from: number, to: number) => {
    for (let generation = from; generation < to; generation++) await liveOnce(ledger, generation);
    await untilSwept(store);
    return statSync(join(folder, "store", "data.mdb")).size;
  };

  const early = await sizeAfter(0, 5);
  const late = await sizeAfter(5, 25);
  expect(late).toBeLessThan(early * 1.5);
  // Of each removed task that is kept: what is left of it, and six events under two keys.
  expect(await store.count("")).toBeLessThan(FLEET * (1 + 6 * 2) + 10);

  control.abort();
  await swept;
  await store.close();
}, 60_000);
