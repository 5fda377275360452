import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import fc from "fast-check";
import { attemptsOf, isLive } from "../../core/live-attempts.ts";
import { ResourcesSchema } from "../../gen/berth/v1/resources_pb.ts";
import { RestartMode, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerAvailability, WorkerDescriptionSchema } from "../../gen/berth/v1/worker_pb.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import type { Store } from "../../lib/store/store.ts";
import { aPresence, aReport, GIB, START_MS } from "../../test/builders.ts";
import { until } from "../../test/until.ts";
import { runDrainLoop } from "./drain-loop.ts";
import { pushMessage } from "./push-message.ts";
import { runSchedulerLoop } from "./scheduler-loop.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const controls: AbortController[] = [];
afterEach(() => {
  for (const control of controls.splice(0)) control.abort();
});

const { ACTIVE, DRAINING } = WorkerAvailability;

/** A manager whose scheduler and drain loops run. */
async function createRig(store?: Store, startMs = START_MS) {
  const clock = createManualClock(startMs);
  const rig = await createManagerRig({ clock, ...(store && { store }) });
  const control = new AbortController();
  controls.push(control);
  void runSchedulerLoop(rig, control.signal);
  void runDrainLoop(rig, control.signal);
  return {
    ...rig,
    clock,
    task: (id: string) => rig.ledger.tasks.get(id) as Task,
    stop: () => control.abort(),
    join(workerId: string, gpus: string[], licences = 0) {
      const capacity = create(ResourcesSchema, {
        cpuMillis: 4_000n,
        memoryBytes: BigInt(8 * GIB),
        diskBytes: BigInt(100 * GIB),
        custom: {
          ...(gpus.length > 0 && { gpu: { ids: gpus } }),
          ...(licences > 0 && { licence: { count: BigInt(licences) } }),
        },
      });
      const { description } = aPresence(workerId);
      const offer = create(WorkerDescriptionSchema, { ...description, capacity } as never);
      rig.workers.setPresence(aPresence(workerId, { description: offer }));
      rig.workers.setLinked(workerId, true);
    },
    async submit(counts: Record<string, bigint>, mode = RestartMode.ALWAYS) {
      const custom = Object.entries(counts).map(([name, count]) => [name, { count }] as const);
      const reservation = { custom: Object.fromEntries(custom) };
      const spec = { image: "busybox:1", reservation, restartPolicy: { mode } };
      return (await rig.client.submitTask({ spec })).task?.id ?? "";
    },
    decide: (workerId: string, availability: WorkerAvailability) =>
      rig.client.updateWorker({
        workerId,
        settings: { availability },
        updateMask: { paths: ["availability"] },
      }),
  };
}

type Rig = Awaited<ReturnType<typeof createRig>>;

const idsOf = (attempt: Task["attempt"]) => attempt?.placement?.assigned["gpu"]?.ids;

test("a placement says which things the attempt got, and a worker which are taken", async () => {
  const { join, submit, task, client } = await createRig();
  join("w1", ["a", "b"], 4);
  const first = await submit({ gpu: 1n, licence: 3n });
  const second = await submit({ gpu: 1n });
  expect(task(first).attempt?.placement?.assigned).toMatchObject({ gpu: { ids: ["a"] } });
  expect(task(first).attempt?.placement?.assigned).not.toHaveProperty("licence");
  expect(idsOf(task(second).attempt)).toEqual(["b"]);
  const { worker } = await client.getWorker({ workerId: "w1" });
  expect(worker?.allocation?.reserved?.custom).toMatchObject({
    gpu: { count: 2n, ids: ["a", "b"] },
    licence: { count: 3n, ids: [] },
  });
  expect(worker?.offered?.custom).toMatchObject({ gpu: { ids: ["a", "b"] } });
});

test("a task waits for them in words, and gets what is freed", async () => {
  const { join, submit, task, observer } = await createRig();
  join("w1", ["a"]);
  const first = await submit({ gpu: 1n }, RestartMode.NO);
  const second = await submit({ gpu: 1n });
  expect(task(second).waitingReason).toBe("too little gpu on 1 worker");
  observer.report(aReport(first, TaskState.COMPLETED));
  await until("the second has it", () => idsOf(task(second).attempt)?.[0] === "a");
});

test("a task waits until a worker offers what it needs", async () => {
  const { join, submit, task } = await createRig();
  join("w1", []);
  const id = await submit({ gpu: 1n });
  expect(task(id).state).toBe(TaskState.PENDING);
  join("w1", ["a"]);
  await until("it is placed", () => task(id).state === TaskState.SCHEDULED);
});

test("what was given out before a restart is not given out again", async () => {
  const first = await createRig();
  first.join("w1", ["a", "b"]);
  await first.submit({ gpu: 1n });
  first.stop();
  const second = await createRig(first.store);
  second.join("w1", ["a", "b"]);
  expect(idsOf(second.task(await second.submit({ gpu: 1n })).attempt)).toEqual(["b"]);
});

test("a task that moves has things on both workers, and gives back the first", async () => {
  const { join, submit, task, observer, decide, client } = await createRig();
  join("w1", ["a"]);
  const id = await submit({ gpu: 1n });
  observer.report(aReport(id, TaskState.RUNNING));
  join("w2", ["x", "y"]);
  await decide("w1", DRAINING);
  await until("a successor is placed", () => task(id).successor !== undefined);
  expect([idsOf(task(id).attempt), idsOf(task(id).successor)]).toEqual([["a"], ["x"]]);
  observer.report(aReport(id, TaskState.RUNNING, { attempt: 2 }));
  observer.report(aReport(id, TaskState.STOPPED, { attempt: 1 }));
  await decide("w1", ACTIVE);
  const { worker } = await client.getWorker({ workerId: "w1" });
  expect(worker?.allocation?.reserved?.custom).toEqual({});
});

test("a start tells the worker what the attempt got", async () => {
  const { join, submit, ledger } = await createRig();
  join("w1", ["a"]);
  const taskId = await submit({ gpu: 1n });
  const { starts } = pushMessage([{ kind: "start", taskId, attempt: 1 }], ledger);
  expect(starts).toMatchObject([{ taskId, assigned: { gpu: { ids: ["a"] } } }]);
});

test("a rebalance chooses what each task gets on its new worker", async () => {
  const { join, submit, task, observer, clock, client } = await createRig();
  join("w1", ["a", "b", "c", "d"]);
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) {
    const id = await submit({ gpu: 1n });
    observer.report(aReport(id, TaskState.RUNNING));
    ids.push(id);
  }
  await clock.advance(120_000);
  join("w2", ["x", "y"]);
  await client.rebalanceTasks({});
  expect(ids.map((id) => idsOf(task(id).successor))).toEqual([["x"], ["y"], undefined, undefined]);
  const late = await submit({ gpu: 1n });
  expect(task(late).waitingReason).toBe("too little gpu on 2 workers");
});

test("workers that have much to tell come in shorter pages", async () => {
  const { join, client } = await createRig();
  const ids = Array.from({ length: 64 }, (_, i) => `${i}`.padEnd(128, "x"));
  for (let i = 100; i < 200; i++) join(`w${i}`, ids);
  const { workers, nextPageToken } = await client.listWorkers({});
  const next = await client.listWorkers({ pageToken: nextPageToken });
  const last = await client.listWorkers({ pageToken: next.nextPageToken });
  expect([workers, next.workers, last.workers].map(({ length }) => length)).toEqual([36, 36, 28]);
});

/** Every named thing that a live attempt has, with its worker. */
const heldIn = ({ ledger }: Rig): readonly string[] =>
  [...ledger.tasks.all()]
    .flatMap(attemptsOf)
    .filter(isLive)
    .flatMap((each) => (idsOf(each.attempt) ?? []).map((id) => `${each.workerId}/${id}`));

/** The same as the placer counts it. */
const bookedIn = ({ board }: Rig): readonly string[] =>
  ["w1", "w2"].flatMap((workerId) => {
    const ids = board.placer.candidate(workerId)?.customReserved?.get("gpu")?.ids ?? [];
    return [...ids].map((id) => `${workerId}/${id}`);
  });

type Step =
  | Readonly<{ kind: "submit"; count: bigint }>
  | Readonly<{ kind: "report"; index: number; state: TaskState }>
  | Readonly<{ kind: "drain" | "activate"; workerId: string }>
  | Readonly<{ kind: "offer"; workerId: string; gpus: string[] }>
  | Readonly<{ kind: "pass" | "rebalance" | "restart" }>;

const workerIds = fc.constantFrom("w1", "w2");
const { RUNNING, COMPLETED, FAILED, STOPPED } = TaskState;

const anySteps = (): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("submit" as const), count: fc.constantFrom(1n, 1n, 2n) }),
      fc.record({
        kind: fc.constant("report" as const),
        index: fc.nat(10),
        state: fc.constantFrom(RUNNING, RUNNING, COMPLETED, FAILED, STOPPED),
      }),
      fc.record({
        kind: fc.constantFrom("drain" as const, "activate" as const),
        workerId: workerIds,
      }),
      fc.record({
        kind: fc.constant("offer" as const),
        workerId: workerIds,
        gpus: fc.constantFrom<string[][]>(["a", "b", "c"], ["c", "d"]),
      }),
      fc.record({ kind: fc.constantFrom("pass" as const, "rebalance" as const) }),
      fc.record({ kind: fc.constant("restart" as const) }),
    ),
    { minLength: 10, maxLength: 40 },
  );

/** Does what a step says, and answers with the manager that is there afterwards. */
async function act(rig: Rig, step: Step): Promise<Rig> {
  switch (step.kind) {
    case "submit":
      await rig.submit({ gpu: step.count });
      return rig;
    case "report": {
      const live = [...rig.ledger.tasks.all()].flatMap((task) =>
        attemptsOf(task)
          .filter(isLive)
          .map(({ number }) => aReport(task.id, step.state, { attempt: number })),
      );
      const report = live[step.index % Math.max(1, live.length)];
      if (report) rig.observer.report(report);
      return rig;
    }
    case "drain":
    case "activate":
      await rig.decide(step.workerId, step.kind === "drain" ? DRAINING : ACTIVE);
      return rig;
    case "offer":
      rig.join(step.workerId, step.gpus);
      return rig;
    case "rebalance":
      await rig.client.rebalanceTasks({});
      return rig;
    case "pass":
      await rig.clock.advance(70_000);
      return rig;
    case "restart":
      return restart(rig);
  }
}

async function restart(rig: Rig): Promise<Rig> {
  rig.stop();
  await rig.ledger.settled();
  const next = await createRig(rig.store, rig.clock.now());
  for (const { workerId, presence } of rig.workers.all()) {
    next.workers.setPresence(presence);
    next.workers.setLinked(workerId, true);
  }
  return next;
}

test("no two live attempts ever have the same thing, through moves and restarts", async () => {
  await fc.assert(
    fc.asyncProperty(anySteps(), async (steps) => {
      let rig = await createRig();
      rig.join("w1", ["a", "b"]);
      rig.join("w2", ["a", "b", "c"]);
      for (const step of steps) {
        rig = await act(rig, step);
        await rig.clock.advance(10);
        const held = heldIn(rig);
        expect(held).toEqual([...new Set(held)]);
        expect([...bookedIn(rig)].sort()).toEqual([...held].sort());
        expect(rig.failures).toEqual([]);
      }
      rig.stop();
    }),
    { numRuns: 40 },
  );
}, 60_000);
