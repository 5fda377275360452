import { expect, test } from "@jest/globals";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import type { Store } from "../../lib/store/store.ts";
import { until } from "../../test/until.ts";
import { runHistoryKeeper } from "./history-keeper.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const NONE_KEPT = { historyMs: 0, removedMax: 0 };

const spec = { image: "busybox:1" };

/** How many keys of a store are about events. */
async function countEventKeys(store: Store): Promise<number> {
  const counts = await Promise.all(
    ["event/", "task-event/", "removed/"].map((prefix) => store.count(prefix)),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

test("the events of a removed task are deleted, those of others stay", async () => {
  const { client, store, ledger } = await createManagerRig();
  const control = new AbortController();
  const ended = runHistoryKeeper(
    { store, ledger, clock: systemClock, log: silentLog },
    NONE_KEPT,
    control.signal,
  );
  await client.submitTask({ spec });
  const before = await countEventKeys(store);
  const { task } = await client.submitTask({ spec });
  await client.removeTask({ taskId: task?.id ?? "", force: true });
  let left = -1;
  await until("they are deleted", () => {
    void countEventKeys(store).then((count) => {
      left = count;
    });
    return left === before;
  });
  control.abort();
  await ended;
});

test("what a manager left behind is deleted by the next one", async () => {
  const first = await createManagerRig();
  const { task } = await first.client.submitTask({ spec });
  await first.client.removeTask({ taskId: task?.id ?? "", force: true });
  expect(await countEventKeys(first.store)).toBeGreaterThan(0);
  const { store, ledger } = await createManagerRig({ store: first.store });
  const control = new AbortController();
  const ended = runHistoryKeeper(
    { store, ledger, clock: systemClock, log: silentLog },
    NONE_KEPT,
    control.signal,
  );
  let left = -1;
  await until("they are deleted", () => {
    void countEventKeys(store).then((count) => {
      left = count;
    });
    return left === 0;
  });
  control.abort();
  await ended;
});
