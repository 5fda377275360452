import { afterEach, expect, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import type { Store } from "../../lib/store/store.ts";
import { aPresence, aReport, GIB, START_MS } from "../../test/builders.ts";
import { until } from "../../test/until.ts";
import { runSchedulerLoop } from "./scheduler-loop.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const controls: AbortController[] = [];
afterEach(() => {
  for (const control of controls.splice(0)) control.abort();
});

/** A manager whose scheduler loop runs, and a worker of 4 cores and 8 GiB. */
async function createRig(store?: Store) {
  const clock = createManualClock(START_MS);
  const rig = await createManagerRig({ clock, ...(store && { store }) });
  const control = new AbortController();
  controls.push(control);
  void runSchedulerLoop(rig, control.signal);
  rig.workers.setPresence(aPresence("w1"));
  rig.workers.setLinked("w1", true);
  return {
    ...rig,
    stop: () => control.abort(),
    task: (id: string) => rig.ledger.tasks.get(id),
    async submit(reservation: object) {
      const spec = { image: "busybox:1", reservation };
      return (await rig.client.submitTask({ spec })).task?.id ?? "";
    },
    overcommit: (settings: object, paths: string[]) =>
      rig.client.updateWorker({ workerId: "w1", settings, updateMask: { paths } }),
    cpus: (cpuOvercommitPercent: number) =>
      rig.client.updateWorker({
        workerId: "w1",
        settings: { cpuOvercommitPercent },
        updateMask: { paths: ["cpu_overcommit_percent"] },
      }),
  };
}

const cores = (count: number) => ({ cpuMillis: BigInt(count) * 1_000n });
const { PENDING, SCHEDULED } = TaskState;

test("raised, it wakes tasks that wait, and is counted up to the last core", async () => {
  const { submit, cpus, task } = await createRig();
  await submit(cores(4));
  const waiting = await submit(cores(2));
  expect(task(waiting)?.state).toBe(PENDING);
  await cpus(150);
  await until("it is placed", () => task(waiting)?.state === SCHEDULED);
  expect(task(await submit({ cpuMillis: 1n }))?.waitingReason).toBe("too little CPU on 1 worker");
});

test("lowered, it ends nothing; the worker takes no more until it is below", async () => {
  const { submit, cpus, task, observer } = await createRig();
  await cpus(200);
  const [first, second] = [await submit(cores(4)), await submit(cores(4))];
  await cpus(100);
  expect([first, second].map((id) => task(id)?.state)).toEqual([SCHEDULED, SCHEDULED]);
  const late = await submit(cores(1));
  observer.report(aReport(first, TaskState.COMPLETED));
  await until("the first is over", () => task(first)?.state === TaskState.COMPLETED);
  expect(task(late)?.waitingReason).toBe("too little CPU on 1 worker");
  observer.report(aReport(second, TaskState.COMPLETED));
  await until("there is room", () => task(late)?.state === SCHEDULED);
});

test("memory has its own, and disk has none", async () => {
  const { submit, overcommit, task } = await createRig();
  await overcommit({ memoryOvercommitPercent: 125 }, ["memory_overcommit_percent"]);
  expect(task(await submit({ memoryBytes: BigInt(10 * GIB) }))?.state).toBe(SCHEDULED);
  expect(task(await submit(cores(5)))?.waitingReason).toBe("too little CPU on 1 worker");
  expect(task(await submit({ diskBytes: BigInt(101 * GIB) }))?.waitingReason).toContain("disk");
});

test("a worker says what it has and what it offers, also after a restart", async () => {
  const first = await createRig();
  await first.cpus(250);
  first.stop();
  const { client } = await createRig(first.store);
  const [worker] = (await client.listWorkers({})).workers;
  expect(worker).toMatchObject({
    presence: { description: { capacity: { cpuMillis: 4_000n } } },
    settings: { cpuOvercommitPercent: 250 },
    offered: { cpuMillis: 10_000n, memoryBytes: BigInt(8 * GIB) },
  });
  expect(worker?.settings?.memoryOvercommitPercent).toBeUndefined();
});

test("named and absent, it goes back to what there is", async () => {
  const { overcommit, cpus, client } = await createRig();
  await cpus(250);
  await overcommit({}, ["cpu_overcommit_percent"]);
  const { worker } = await client.getWorker({ workerId: "w1" });
  expect(worker?.settings?.cpuOvercommitPercent).toBeUndefined();
  expect(worker?.offered?.cpuMillis).toBe(4_000n);
});
