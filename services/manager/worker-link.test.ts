import { describe, expect, test } from "@jest/globals";
import { schedule, submit } from "../../core/task-change.ts";
import { FailureReason, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { denied, wrongState } from "../../lib/errors.ts";
import { openGate } from "../../lib/gate.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { aPlacedTask, aReport, aSpec, START_MS } from "../../test/builders.ts";
import { until } from "../../test/until.ts";
import { createDeliveries } from "./deliveries.ts";
import { createPushSlots } from "./push-slots.ts";
import { createFakeWorker } from "./testing/fake-worker.ts";
import { createManagerRig } from "./testing/manager-rig.ts";
import { runWorkerLink } from "./worker-link.ts";

/** A manager with a link to a fake worker `w1`. */
async function createRig(worker = createFakeWorker()) {
  const rig = await createManagerRig();
  const control = new AbortController();
  const links: boolean[] = [];
  const clock = createManualClock(START_MS);
  const deps = {
    ...rig,
    clock,
    deliveries: createDeliveries(rig.ledger),
    slots: createPushSlots(),
    gate: openGate,
    connect: worker.connect,
  };
  const onLinked = (_: string, linked: boolean) => void links.push(linked);
  const target = { workerId: "w1", address: "w1:7072" };
  const ended = () => runWorkerLink(target, { ...deps, onLinked }, control.signal);
  let running: Promise<void> = Promise.resolve();
  return {
    ...rig,
    worker,
    links,
    clock,
    start: () => {
      running = ended();
    },
    async stop() {
      control.abort();
      await running;
    },
    async place(id: string) {
      const submission = submit(id, aSpec({}, id), START_MS);
      await rig.ledger.commit([submission]);
      const task = rig.ledger.tasks.get(id);
      const placement = aPlacedTask(id).attempt?.placement;
      if (task && placement) await rig.ledger.commit([schedule(task, placement, START_MS)]);
    },
    stateOf: (id: string) => rig.ledger.tasks.get(id)?.state,
  };
}

test("on connect, starts what the ledger has placed there and the worker does not hold", async () => {
  const { place, start, stop, worker, links } = await createRig();
  await place("t1");
  start();
  await until("the start is pushed", () => worker.told.includes("start t1/1"));
  expect(links).toEqual([true]);
  await stop();
});

test("on connect, takes in what the worker observed while nobody listened", async () => {
  const held = [aReport("t1", TaskState.FAILED, { exitCode: 3 }), aReport("t9", TaskState.RUNNING)];
  const { place, start, stop, worker, stateOf } = await createRig(createFakeWorker(held));
  await place("t1");
  start();
  await until("the failure is in the ledger", () => stateOf("t1") === TaskState.FAILED);
  await until("the stranger is stopped", () => worker.told.includes("stop t9/1"));
  await stop();
});

test("pushes a start once it is durable, and only once", async () => {
  const { place, start, stop, worker, links, observer } = await createRig();
  start();
  await until("the link is up", () => links.includes(true));
  await place("t1");
  await until("the start is pushed", () => worker.told.length > 0);
  observer.report(aReport("t1", TaskState.STARTING, { message: "pulling" }));
  observer.report(aReport("t1", TaskState.RUNNING));
  await until("nothing more comes", () => true);
  expect(worker.told).toEqual(["start t1/1"]);
  await stop();
});

test("a stop goes to the worker; its final report is followed by a forget", async () => {
  const { place, start, stop, worker, client, stateOf } = await createRig();
  start();
  await place("t1");
  worker.report(aReport("t1", TaskState.RUNNING));
  await until("it runs", () => stateOf("t1") === TaskState.RUNNING);
  await client.stopTask({ taskId: "t1" });
  await until("the stop is pushed", () => worker.told.includes("stop t1/1"));
  worker.report(aReport("t1", TaskState.STOPPED));
  await until("the forget is pushed", () => worker.told.includes("forget t1/1"));
  expect(worker.told).toEqual(["start t1/1", "stop t1/1", "forget t1/1"]);
  await stop();
});

test("a task stopped before its start was told ends without the worker", async () => {
  const { place, start, stop, worker, links, client, stateOf } = await createRig();
  start();
  await until("the link is up", () => links.includes(true));
  const placed = place("t1");
  await until("it is placed", () => stateOf("t1") === TaskState.SCHEDULED);
  await Promise.all([placed, client.stopTask({ taskId: "t1" })]);
  await until("it has stopped", () => stateOf("t1") === TaskState.STOPPED);
  expect(worker.told.filter((push) => push.startsWith("start"))).toEqual([]);
  await stop();
});

test("a worker that came back running what should stop is told again", async () => {
  const held = [aReport("t1", TaskState.RUNNING)];
  const { place, start, stop, worker, client, stateOf, clock } = await createRig(
    createFakeWorker(held),
  );
  await place("t1");
  start();
  await until("it runs", () => stateOf("t1") === TaskState.RUNNING);
  await client.stopTask({ taskId: "t1" });
  worker.report(aReport("t1", TaskState.STOPPING));
  await until("it is stopping", () => stateOf("t1") === TaskState.STOPPING);
  const told = worker.told.length;
  worker.hangUp();
  await until("the link is made again", () => {
    void clock.advance(100);
    return worker.connections() === 2;
  });
  await until("the stop is told again", () => worker.told.slice(told).includes("stop t1/1"));
  await stop();
});

test("a refusal that is not final breaks the link, not the task", async () => {
  const { place, start, stop, worker, links, stateOf } = await createRig();
  worker.refuse("t1", wrongState("STALE_EPOCH", "a newer manager has spoken"));
  start();
  await place("t1");
  await until("the link is down", () => links.includes(false));
  expect(stateOf("t1")).toBe(TaskState.SCHEDULED);
  await stop();
});

test("what the worker refuses for good has failed with its words, and is due elsewhere", async () => {
  const { place, start, stop, worker, ledger } = await createRig();
  worker.refuse("t1", denied("HOST_NETWORK_DENIED", "host network is not allowed here"));
  start();
  await place("t1");
  await until("it is tried again", () => ledger.tasks.get("t1")?.attempt?.number === 2);
  const { state, restartCount, pastAttempts = [] } = ledger.tasks.get("t1") ?? {};
  expect({ state, restartCount }).toEqual({ state: TaskState.PENDING, restartCount: 0 });
  expect(pastAttempts[0]?.status).toMatchObject({
    state: TaskState.FAILED,
    failure: { reason: FailureReason.REFUSED, message: "host network is not allowed here" },
  });
  await stop();
});

test("a link that breaks is made again and compares anew", async () => {
  const { place, start, stop, worker, links, clock } = await createRig();
  start();
  await until("the link is up", () => links.at(-1) === true);
  worker.hangUp();
  await until("the link is down", () => links.at(-1) === false);
  await place("t1");
  await clock.advance(2_000);
  await until("the link is up again", () => links.at(-1) === true);
  await until("the start is pushed", () => worker.told.includes("start t1/1"));
  expect(worker.connections()).toBe(2);
  await stop();
});

test("a worker that falls silent is dropped", async () => {
  const { start, stop, links, clock } = await createRig();
  start();
  await until("the link is up", () => links.at(-1) === true);
  await clock.advance(15_000);
  await until("the link is down", () => links.at(-1) === false);
  await stop();
});

describe("a snapshot that comes again", () => {
  async function linked(...ids: string[]) {
    const rig = await createRig();
    rig.start();
    await until("the link is up", () => rig.links.includes(true));
    for (const id of ids) await rig.place(id);
    await until("all is started", () => rig.worker.told.length === ids.length);
    return rig;
  }

  test("crosses a start without harm: it is neither lost nor told twice", async () => {
    const { worker, stateOf, stop } = await linked("t1", "t2");
    worker.report(aReport("t2", TaskState.RUNNING));
    worker.snapshot([aReport("t2", TaskState.RUNNING)]);
    worker.report(aReport("t1", TaskState.RUNNING));
    await until("it runs", () => stateOf("t1") === TaskState.RUNNING);
    expect(worker.told).toEqual(["start t1/1", "start t2/1"]);
    await stop();
  });

  test("crosses a stop without harm: what is starting is not read as stopped", async () => {
    const { worker, client, stateOf, stop } = await linked("t1");
    await client.stopTask({ taskId: "t1" });
    worker.snapshot([]);
    worker.report(aReport("t1", TaskState.STOPPING));
    await until("it is stopping", () => stateOf("t1") === TaskState.STOPPING);
    await stop();
  });

  test("starts anew what two in a row do not show", async () => {
    const { worker, stop } = await linked("t1", "t2");
    worker.snapshot([aReport("t2", TaskState.RUNNING)]);
    worker.snapshot([aReport("t2", TaskState.RUNNING)]);
    await until("it is started again", () => worker.told.length === 3);
    expect(worker.told.at(-1)).toBe("start t1/1");
    await stop();
  });

  test("tells of what has run and is gone", async () => {
    const { worker, ledger, stateOf, stop } = await linked("t1");
    worker.report(aReport("t1", TaskState.RUNNING));
    worker.snapshot([]);
    worker.snapshot([]);
    await until("it has failed", () => stateOf("t1") === TaskState.FAILED);
    const { failure } = ledger.tasks.get("t1")?.attempt?.status ?? {};
    expect(failure?.reason).toBe(FailureReason.REMOVED_EXTERNALLY);
    await stop();
  });

  test("counts alone: of what an earlier one showed nothing remains", async () => {
    const { worker, stateOf, stop } = await linked("t1");
    worker.snapshot([aReport("t1", TaskState.RUNNING)], [aReport("t8", TaskState.RUNNING)]);
    await until("the stray is stopped", () => worker.told.includes("stop t8/1"));
    worker.snapshot([]);
    worker.snapshot([]);
    await until("it has failed", () => stateOf("t1") === TaskState.FAILED);
    expect(worker.told.filter((push) => push === "stop t8/1")).toHaveLength(1);
    await stop();
  });
});
