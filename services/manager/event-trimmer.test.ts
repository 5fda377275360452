import { expect, test } from "@jest/globals";
import { submit, wait } from "../../core/task-change.ts";
import { silentLog } from "../../lib/log.ts";
import { aSpec, START_MS } from "../../test/builders.ts";
import { listEvents } from "./event-log.ts";
import { runEventTrimmer } from "./event-trimmer.ts";
import type { Ledger } from "./ledger.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const EVENTS_MAX = 16;

const make = (ledger: Ledger, id: string) => ledger.commit([submit(id, aSpec({}, id), START_MS)]);

/** Gives a task one more event each. */
async function stir(ledger: Ledger, id: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const task = ledger.tasks.get(id);
    if (task) await ledger.commit(wait(task, `reason ${ledger.revision()}`, START_MS));
  }
}

async function startTrimmer(rig: Awaited<ReturnType<typeof createManagerRig>>) {
  const control = new AbortController();
  const deps = { store: rig.store, ledger: rig.ledger, clock: rig.clock, log: silentLog };
  const ended = runEventTrimmer(deps, { eventsMax: EVENTS_MAX }, control.signal);
  return {
    async stop() {
      for (let turn = 0; turn < 20; turn++) await rig.clock.turn();
      control.abort();
      await ended;
    },
  };
}

const eventsOf = (rig: Awaited<ReturnType<typeof createManagerRig>>, taskId: string) =>
  listEvents(rig.store, { taskId, after: 0n, limit: 1_000 });

test("a long history is cut back to its latest events, a short one is left alone", async () => {
  const rig = await createManagerRig();
  const trimmer = await startTrimmer(rig);
  await make(rig.ledger, "long");
  await make(rig.ledger, "short");
  await stir(rig.ledger, "long", 200);
  await stir(rig.ledger, "short", 5);
  await trimmer.stop();
  const kept = await eventsOf(rig, "long");
  expect(kept.length).toBeGreaterThanOrEqual(EVENTS_MAX);
  expect(kept.length).toBeLessThanOrEqual(EVENTS_MAX * 1.5);
  expect(kept.at(-1)?.revision).toBe(rig.ledger.tasks.get("long")?.revision);
  expect(await eventsOf(rig, "short")).toHaveLength(6);
  expect(await rig.store.count("event/")).toBe(kept.length + 6);
});

test("a history from before the start is counted at its first change", async () => {
  const first = await createManagerRig();
  await make(first.ledger, "t1");
  await stir(first.ledger, "t1", 100);
  const rig = await createManagerRig({ store: first.store });
  const trimmer = await startTrimmer(rig);
  expect(await eventsOf(rig, "t1")).toHaveLength(101);
  await stir(rig.ledger, "t1", 1);
  await trimmer.stop();
  expect(await eventsOf(rig, "t1")).toHaveLength(EVENTS_MAX);
});
