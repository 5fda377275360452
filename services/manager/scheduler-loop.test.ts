import { afterEach, describe, expect, test } from "@jest/globals";
import { RestartMode, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { type WorkerPresence, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { aPresence, aReport, GIB } from "../../test/builders.ts";
import { until } from "../../test/until.ts";
import { runSchedulerLoop } from "./scheduler-loop.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const controls: AbortController[] = [];
afterEach(() => {
  for (const control of controls.splice(0)) control.abort();
});

/** A manager whose scheduler loop runs. */
async function createRig(options: Parameters<typeof createManagerRig>[0] = {}) {
  const clock = createManualClock();
  const rig = await createManagerRig({ clock, ...options });
  const control = new AbortController();
  controls.push(control);
  void runSchedulerLoop(rig, control.signal);
  const submit = async (spec: object = {}) =>
    (await rig.client.submitTask({ spec: { image: "busybox:1", ...spec } })).task?.id ?? "";
  return {
    ...rig,
    clock,
    submit,
    task: (id: string) => rig.ledger.tasks.get(id),
    join(workerId: string, changes: Partial<WorkerPresence> = {}) {
      rig.workers.setPresence(aPresence(workerId, changes));
      rig.workers.setLinked(workerId, true);
    },
  };
}

const memory = (gib: number) => ({ limit: { memoryBytes: BigInt(gib * GIB) } });

test("a submitted task is placed by the flush that makes it durable", async () => {
  const { join, client } = await createRig();
  join("w1");
  const { task } = await client.submitTask({ spec: { image: "busybox:1" } });
  expect(task?.state).toBe(TaskState.SCHEDULED);
  expect(task?.attempt?.placement).toMatchObject({ workerId: "w1", scheduler: "spread" });
});

test("a task without a place says why, and is placed when a worker joins", async () => {
  const { submit, task, join } = await createRig();
  const id = await submit();
  expect(task(id)?.waitingReason).toBe("no workers have joined");
  join("w1");
  await until("it is placed", () => task(id)?.state === TaskState.SCHEDULED);
});

describe("a worker that gets nothing", () => {
  test.each([
    ["is down", { state: WorkerState.DOWN }],
    ["has left", { state: WorkerState.LEFT }],
  ])("%s", async (_, changes) => {
    const { submit, task, join } = await createRig();
    join("w1", changes);
    expect(task(await submit())?.waitingReason).toContain("1 worker not ready");
  });

  test("never reported", async () => {
    const { submit, task, workers } = await createRig();
    const { metrics: _, ...silent } = aPresence("w1");
    workers.setPresence(silent);
    workers.setLinked("w1", true);
    expect(task(await submit())?.waitingReason).toContain("1 worker not ready");
  });

  test("has no link", async () => {
    const { submit, task, workers } = await createRig();
    workers.setPresence(aPresence("w1"));
    const id = await submit();
    expect(task(id)?.state).toBe(TaskState.PENDING);
    workers.setLinked("w1", true);
    await until("it is placed", () => task(id)?.state === TaskState.SCHEDULED);
  });
});

test("what is promised counts, and what ended is given back", async () => {
  const { submit, task, join, observer } = await createRig();
  join("w1");
  const first = await submit(memory(5));
  const second = await submit(memory(5));
  expect(task(first)?.state).toBe(TaskState.SCHEDULED);
  expect(task(second)?.waitingReason).toBe("too little memory on 1 worker");
  observer.report(aReport(first, TaskState.COMPLETED));
  await until("the second is placed", () => task(second)?.state === TaskState.SCHEDULED);
});

test("what was placed before a restart counts", async () => {
  const first = await createRig();
  first.join("w1");
  await first.submit(memory(5));
  const second = await createRig({ store: first.store });
  second.join("w1");
  const id = await second.submit(memory(5));
  expect(second.task(id)?.waitingReason).toBe("too little memory on 1 worker");
});

test("a failed task is placed again when its retry is due, not before", async () => {
  const { submit, task, join, observer, clock, ledger } = await createRig();
  join("w1");
  const id = await submit({ restartPolicy: { mode: RestartMode.ON_FAILURE } });
  observer.report(aReport(id, TaskState.FAILED));
  await until("the second attempt is placed at once", () => task(id)?.attempt?.number === 2);
  await until("it is", () => task(id)?.state === TaskState.SCHEDULED);
  observer.report(aReport(id, TaskState.FAILED, { attempt: 2 }));
  await ledger.settled();
  expect(task(id)?.state).toBe(TaskState.PENDING);
  await clock.advance(2_000);
  await until("the third attempt is placed", () => task(id)?.state === TaskState.SCHEDULED);
  expect(task(id)?.restartCount).toBe(2);
});

test("a restart goes back to the worker it ran on, until it has failed there twice in a row", async () => {
  const { submit, task, join, observer, clock } = await createRig();
  join("w1");
  const id = await submit({ restartPolicy: { mode: RestartMode.ALWAYS } });
  for (const name of ["w0", "w2"]) join(name);
  const ran: (string | undefined)[] = [];
  for (const attempt of [1, 2, 3]) {
    await until("it is placed", () => task(id)?.state === TaskState.SCHEDULED);
    ran.push(task(id)?.attempt?.placement?.workerId);
    observer.report(aReport(id, TaskState.FAILED, { attempt, containerId: "c" }));
    await clock.advance(5_000);
  }
  expect(ran).toEqual(["w1", "w1", "w0"]);
});

test("a task that a worker refuses goes to another, and waits for it when there is none", async () => {
  const { submit, task, join, observer, clock } = await createRig();
  join("w1");
  join("w2");
  const id = await submit();
  observer.refuse({ taskId: id, attempt: 1 }, "not here");
  await until("it is placed again", () => task(id)?.attempt?.placement?.workerId === "w2");
  observer.refuse({ taskId: id, attempt: 2 }, "nor here");
  const words = "2 workers refused it; worker w2: nor here";
  await until("it says why it waits", () => task(id)?.waitingReason === words);
  await clock.advance(60_000);
  await until("w1 is asked again", () => task(id)?.state === TaskState.SCHEDULED);
  expect(task(id)).toMatchObject({ restartCount: 0, attempt: { number: 3 } });
});

test("a retry that comes due between two looks at the clock is not lost", async () => {
  const manual = createManualClock();
  let looks = 0;
  const clock: Clock = {
    ...manual,
    now: () => manual.now() + looks++,
    // As a timer that fires early, so that the look before is too early by one and the next is not.
    after: (delayMs, action) => manual.after(delayMs - 2, action),
  };
  const { submit, task, join, observer } = await createRig({ clock });
  join("w1");
  const id = await submit({ restartPolicy: { mode: RestartMode.ALWAYS } });
  for (const attempt of [1, 2]) {
    await until("the attempt is placed", () => task(id)?.attempt?.placement !== undefined);
    observer.report(aReport(id, TaskState.FAILED, { attempt }));
  }
  await manual.advance(2_000);
  await until("the third attempt is placed", () => task(id)?.state === TaskState.SCHEDULED);
});

test("round-robin takes the workers in turn", async () => {
  const { submit, task, join } = await createRig();
  for (const id of ["w1", "w2", "w3"]) join(id);
  const placed: (string | undefined)[] = [];
  for (let i = 0; i < 6; i++)
    placed.push(task(await submit({ scheduler: "round-robin" }))?.attempt?.placement?.workerId);
  expect(placed).toEqual(["w1", "w2", "w3", "w1", "w2", "w3"]);
});

test("a fixed port is given once a worker", async () => {
  const { submit, task, join } = await createRig();
  join("w1");
  const ports = [{ containerPort: 80, hostPort: 8080 }];
  await submit({ ports });
  expect(task(await submit({ ports }))?.waitingReason).toBe("1 worker with a port it needs taken");
});

describe("labels", () => {
  const inZone = (zone: string) => ({ constraints: [{ key: "zone", values: [zone] }] });
  const labelled = (zone: string) => ({
    description: { ...aPresence("w").description, labels: { zone } },
  });

  test("a task goes where its constraints hold, and waits for such a worker", async () => {
    const { submit, task, join } = await createRig();
    join("w1", labelled("a") as never);
    const id = await submit(inZone("b"));
    expect(task(id)?.waitingReason).toBe("constraints not met by 1 worker");
    join("w2", labelled("b") as never);
    await until("it is placed", () => task(id)?.attempt?.placement?.workerId === "w2");
  });

  test("an operator's label is as good as the worker's own, and better", async () => {
    const { submit, task, join, client } = await createRig();
    join("w1", labelled("a") as never);
    const id = await submit(inZone("b"));
    await client.updateWorker({
      workerId: "w1",
      settings: { labels: { zone: "b" } },
      updateMask: { paths: ["labels"] },
    });
    await until("it is placed", () => task(id)?.state === TaskState.SCHEDULED);
    expect(task(id)?.attempt?.placement?.workerId).toBe("w1");
  });

  test("a task that wants to be near another waits for it", async () => {
    const { submit, task, join } = await createRig();
    join("w1");
    join("w2");
    const web = await submit({ name: "web", taskAffinities: [{ matchLabels: { app: "db" } }] });
    expect(task(web)?.waitingReason).toBe(
      "2 workers too near to other tasks, or too far from them",
    );
    const db = await submit({ name: "db", labels: { app: "db" } });
    await until("it is placed", () => task(web)?.state === TaskState.SCHEDULED);
    expect(task(web)?.attempt?.placement?.workerId).toBe(task(db)?.attempt?.placement?.workerId);
  });
});

test("of tasks that wait the one with the highest priority goes first, of equals the oldest", async () => {
  const { submit, task, join } = await createRig();
  const ids: string[] = [];
  for (const priority of [0, 5, -5, 5]) ids.push(await submit({ ...memory(1), priority }));
  join("w1", {
    description: { ...aPresence("w").description, capacity: { memoryBytes: BigInt(2 * GIB) } },
  } as never);
  await until("two are placed", () => task(ids[3] ?? "")?.state === TaskState.SCHEDULED);
  expect(ids.map((id) => task(id)?.state === TaskState.SCHEDULED)).toEqual([
    false,
    true,
    false,
    true,
  ]);
});
