import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, test } from "@jest/globals";
import { giveUpPlacement } from "../../core/deadlines.ts";
import { nextAttempt, write } from "../../core/task-change.ts";
import { Suitability } from "../../gen/berth/v1/explanation_pb.ts";
import { RestartMode, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { type WorkerPresence, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import type { Store } from "../../lib/store/store.ts";
import { aPresence, aReport, GIB } from "../../test/builders.ts";
import { until } from "../../test/until.ts";
import type { WireName } from "./testing/manager-rig.ts";
import { createPlacementRig, memory } from "./testing/placement-rig.ts";

const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

async function openRig(options: Parameters<typeof createPlacementRig>[0] = {}) {
  const rig = await createPlacementRig(options);
  closings.push(rig.close);
  return rig;
}

const failureOf = async (call: Promise<unknown>) =>
  ConnectError.from(
    await call.then(
      () => new Error("the call succeeded"),
      (error: unknown) => error,
    ),
  );

describe.each<WireName>(["memory", "grpc"])("ExplainTask over %s", (wire) => {
  test("says of a pending task what it waits for, what would help, and each worker's objections", async () => {
    const { submit, join, explain, ledger } = await openRig({ wire });
    join("w1");
    join("w2", { state: WorkerState.DOWN });
    await submit(memory(6));
    const answer = await explain(await submit(memory(4)));
    expect(answer).toMatchObject({
      task: {
        state: TaskState.PENDING,
        waitingReason: "1 worker not ready; too little memory on 1 worker",
      },
      summary: "waits: 1 worker not ready; too little memory on 1 worker",
      outlook: "",
      attempts: [],
      workerCount: 2,
      suitableCount: 0,
      exclusions: [
        { filter: "ready", workerCount: 1 },
        { filter: "memory", workerCount: 1 },
      ],
      remedy: {
        explanation: "lower the memory reservation from 4 GiB to 2 GiB (worker w1 has room then)",
        workerId: "w1",
        filter: "memory",
        reservation: { memoryBytes: BigInt(2 * GIB), cpuMillis: 0n },
      },
      revision: ledger.revision(),
    });
    expect(answer.workers).toMatchObject([
      {
        workerId: "w1",
        suitability: Suitability.EXCLUDED,
        objections: [{ filter: "memory", explanation: "memory: needs 4 GiB, 2 GiB free" }],
      },
      { workerId: "w2", objections: [{ filter: "ready", explanation: "not ready: down" }] },
    ]);
    expect(answer.workers[0]?.score).toBeUndefined();
  });

  test("refuses what it cannot mean", async () => {
    const { explain } = await openRig({ wire });
    expect((await failureOf(explain("nope"))).code).toBe(Code.NotFound);
    expect((await failureOf(explain(""))).code).toBe(Code.InvalidArgument);
    expect((await failureOf(explain("t1", { pageSize: -1 }))).code).toBe(Code.InvalidArgument);
    expect((await failureOf(explain("t1", { pageToken: "x" }))).code).toBe(Code.InvalidArgument);
  });
});

describe("a remedy that is a true one", () => {
  test("lets the task be placed once it is carried out", async () => {
    const { submit, join, explain } = await openRig();
    join("w1");
    await submit(memory(6));
    const { remedy } = await explain(await submit(memory(4)));
    const { $typeName: _, ...reservation } = remedy?.reservation ?? { $typeName: "" };
    const { task } = await explain(await submit({ ...memory(4), reservation }));
    expect(task?.attempt?.placement?.workerId).toBe(remedy?.workerId);
  });

  test("activates a worker that is only paused, not one that is down as well", async () => {
    const { submit, join, explain, pause } = await openRig();
    join("w1");
    await pause("w1");
    const id = await submit();
    expect((await explain(id)).remedy).toMatchObject({
      explanation: "activate worker w1 (paused: new disk)",
      filter: "ready",
    });
    join("w1", { state: WorkerState.DOWN });
    expect((await explain(id)).remedy?.explanation).toMatch(/^no single change /);
  });

  test.each<[string, Partial<WorkerPresence>]>([
    ["bring worker w1 back (it is down)", { state: WorkerState.DOWN }],
    ["start worker w1 again (it has left)", { state: WorkerState.LEFT }],
    [
      "mend the container engine of worker w1 (it does not answer)",
      { metrics: { ...aPresence().metrics, engineHealthy: false } as never },
    ],
  ])("tells how to get a worker ready: %s", async (words, presence) => {
    const { submit, join, explain } = await openRig();
    join("w1", presence);
    expect((await explain(await submit())).remedy?.explanation).toBe(words);
  });

  test("names the task that has the port", async () => {
    const { submit, join, explain } = await openRig();
    join("w1");
    const ports = [{ containerPort: 80, hostPort: 8080 }];
    const holder = await submit({ ports });
    expect((await explain(await submit({ ports }))).remedy?.explanation).toBe(
      `free port tcp/8080 (task ${holder} has it) on worker w1`,
    );
  });

  test("is told of a task that gave up waiting, and of none that is placed", async () => {
    const { submit, join, explain, ledger, clock } = await openRig();
    const tired = await submit({ placementTimeout: { seconds: 30n } });
    const waiting = ledger.tasks.get(tired);
    if (waiting) await ledger.commit([giveUpPlacement(waiting, clock.now())]);
    expect(await explain(tired)).toMatchObject({
      summary:
        "failed before it was placed, unplaceable: no place within 30 s: no workers have joined; " +
        "no other attempt follows: its placement timeout has passed",
      remedy: { explanation: "add a worker" },
    });
    const id = await submit();
    expect((await explain(id)).remedy?.explanation).toBe("add a worker");
    join("w1");
    await until("it is placed", () => ledger.tasks.get(id)?.state === TaskState.SCHEDULED);
    expect((await explain(id)).remedy).toBeUndefined();
  });
});

test("what an earlier attempt still has is in the way of a task that waits", async () => {
  const { submit, join, explain, ledger, clock } = await openRig();
  join("w1");
  const id = await submit(memory(5));
  const task = ledger.tasks.get(id);
  const left = task?.attempt && { ...task.attempt, leaveReason: "moved away" };
  if (!task || !left) throw new Error("it is placed");
  const options = { waitingReason: "placed elsewhere", retryMs: clock.now(), now: clock.now() };
  const next = { ...nextAttempt(task, options), pastAttempts: [left] };
  await ledger.commit([write(next, task.state, "placed elsewhere")]);
  expect(await explain(id)).toMatchObject({
    summary: "waits: too little memory on 1 worker",
    attempts: [
      { attempt: 1, explanation: "is still being stopped on w1; it was to leave: moved away" },
    ],
    workers: [{ workerId: "w1", suitability: Suitability.EXCLUDED, attempts: [1] }],
  });
});

test("tells what came of each attempt, and that none follows", async () => {
  const { submit, join, explain, observer, isIn } = await openRig();
  join("w1");
  const policy = { mode: RestartMode.ON_FAILURE, restartsMax: 1 };
  const id = await submit({ restartPolicy: policy });
  for (const attempt of [1, 2]) {
    await until("it is placed", () => isIn(id, TaskState.SCHEDULED));
    observer.report(
      aReport(id, TaskState.FAILED, { attempt, exitCode: attempt, containerId: "c" }),
    );
  }
  const answer = await explain(id);
  expect(answer.attempts.map(({ explanation }) => explanation)).toEqual([
    "failed on w1 (exit code 2)",
    "failed on w1 (exit code 1)",
  ]);
  expect(answer.outlook).toBe("no other attempt follows: 1 of 1 restarts used");
  expect(answer.summary).toBe(`${answer.attempts[0]?.explanation}; ${answer.outlook}`);
  expect(answer.remedy).toBeUndefined();
});

test("nothing is told that a crash could undo", async () => {
  const store = createMemoryStore();
  let open: () => void = () => undefined;
  const isOpen = new Promise<void>((resolve) => {
    open = resolve;
  });
  let isShut = false;
  const gated: Store = {
    ...store,
    async commit(batch) {
      if (isShut) await isOpen;
      return store.commit(batch);
    },
  };
  const { client, explain, ledger } = await openRig({ store: gated });
  isShut = true;
  const submitted = client.submitTask({ spec: { image: "busybox:1" } });
  await until("it is in the head", () => ledger.tasks.size === 1);
  const [task] = ledger.tasks.all();
  let isTold = false;
  const explained = explain(task?.id ?? "").then(() => {
    isTold = true;
  });
  for (let turn = 0; turn < 20; turn++) await systemClock.turn();
  expect(isTold).toBe(false);
  open();
  await Promise.all([submitted, explained]);
});
