import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, test } from "@jest/globals";
import { PlannedFate, type PlanTasksResponse } from "../../gen/berth/v1/plan_pb.ts";
import { RestartMode, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerAvailability, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import { aPresence, aReport, GIB } from "../../test/builders.ts";
import { runDrainLoop } from "./drain-loop.ts";
import type { WireName } from "./testing/manager-rig.ts";
import { createPlacementRig, memory } from "./testing/placement-rig.ts";

const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

const ALWAYS = { restartPolicy: { mode: RestartMode.ALWAYS } };
const specOf = (gib: number, name = "web") => ({
  image: "busybox:1",
  name,
  ...memory(gib),
  ...ALWAYS,
});
const submitStep = (gib: number, name?: string) =>
  ({ step: { case: "submit", value: { spec: specOf(gib, name) } } }) as const;
const drainStep = (workerId: string) => ({ step: { case: "drain", value: { workerId } } }) as const;
const loseStep = (workerId: string) => ({ step: { case: "lose", value: { workerId } } }) as const;
const addStep = (gib: number, count = 1) =>
  ({
    step: {
      case: "add",
      value: { capacity: { cpuMillis: 4000n, memoryBytes: BigInt(gib * GIB) }, count },
    },
  }) as const;

async function openRig(options: Parameters<typeof createPlacementRig>[0] = {}) {
  const rig = await createPlacementRig(options);
  closings.push(rig.close);
  const { client, ledger, submit, observer } = rig;
  return {
    ...rig,
    plan: (...steps: Parameters<typeof client.planTasks>[0]["steps"] & object) =>
      client.planTasks({ steps }),
    async run(gib: number, name: string) {
      const id = await submit(specOf(gib, name));
      observer.report(aReport(id, TaskState.RUNNING, { containerId: "c1" }));
      return id;
    },
    workerOf: (id: string) => ledger.tasks.get(id)?.attempt?.placement?.workerId,
  };
}

const failureOf = async (call: Promise<unknown>) =>
  ConnectError.from(
    await call.then(
      () => new Error("the call succeeded"),
      (error: unknown) => error,
    ),
  );

const summary = ({ tasks }: PlanTasksResponse) =>
  tasks.map(({ taskName, fate, fromWorkerId, toWorkerId }) =>
    [taskName, PlannedFate[fate], fromWorkerId, toWorkerId].join(" "),
  );

describe.each<WireName>(["memory", "grpc"])("PlanTasks over %s", (wire) => {
  test("tells where tasks would go, and does nothing", async () => {
    const { join, plan, ledger, board } = await openRig({ wire });
    join("w1");
    join("w2");
    const before = [board.placer.candidate("w1"), board.placer.candidate("w2")];
    const answer = await plan(submitStep(6, "a"), submitStep(6, "b"), submitStep(4, "c"));
    expect(summary(answer)).toEqual(["a PLACED  w1", "b PLACED  w2", "c UNPLACED  "]);
    expect(answer).toMatchObject({
      taskCount: 3,
      placedCount: 2,
      unplacedCount: 1,
      revision: ledger.revision(),
      checkIndex: expect.stringMatching(/^0-[0-9a-f]{12}$/),
    });
    expect(answer.tasks[2]).toMatchObject({
      taskId: "",
      step: 2,
      reason: "2 workers short of memory",
      exclusions: [{ filter: "memory", workerCount: 2 }],
      remedy: { workerId: "w1", reservation: { memoryBytes: BigInt(2 * GIB) } },
    });
    expect(answer.tasks[0]?.placement).toMatchObject({ scheduler: "spread", workerId: "w1" });
    expect([board.placer.candidate("w1"), board.placer.candidate("w2")]).toEqual(before);
    expect(ledger.tasks.size).toBe(0);
  });

  test("refuses what it cannot mean, naming the field", async () => {
    const { plan, client } = await openRig({ wire });
    const bad = await failureOf(
      client.planTasks({ steps: [{ step: { case: "submit", value: { spec: {} } } }] }),
    );
    expect([bad.code, bad.rawMessage]).toEqual([
      Code.InvalidArgument,
      expect.stringContaining("steps[0].submit.spec.image"),
    ]);
    const messages = await Promise.all(
      [
        plan(),
        plan({}),
        plan(drainStep("")),
        plan(drainStep("w9")),
        plan(addStep(1, 101)),
        plan(...Array.from({ length: 1001 }, () => submitStep(1))),
        plan({ step: { case: "submit", value: { spec: specOf(1), count: 1001 } } }),
        plan({ step: { case: "add", value: { platform: "linux" } } }),
        plan({ step: { case: "add", value: { capacity: { cpuMillis: -1n } } } }),
      ].map(async (call) => (await failureOf(call)).rawMessage),
    );
    expect(messages).toEqual([
      "steps: is empty: give a step, or set n_plus_one",
      "steps[0].step: is required: submit, add, drain or lose",
      "steps[0].drain.worker_id: is required",
      "worker w9 does not exist",
      "steps: has 101 workers in all: must be at most 100",
      "steps: has 1001 entries: must be at most 1000",
      "steps: has 1001 tasks in all: must be at most 1000",
      'steps[0].add.platform: is "linux": name the architecture, such as linux/arm64',
      "steps[0].add.capacity.cpu_millis: is -1: must be 0 to 4096000, or left out",
    ]);
  });
});

describe("a plan", () => {
  test("combines steps: workers join, one drains, one is lost, tasks are submitted", async () => {
    const { join, plan, run } = await openRig();
    join("w1");
    await run(5, "old");
    const answer = await plan(addStep(8, 2), drainStep("w1"), loseStep("new-1"), submitStep(3));
    expect(summary(answer)).toEqual(["old PLACED w1 new-2", "web PLACED  new-2"]);
    expect(answer.tasks.map(({ step }) => step)).toEqual([2, 3]);
  });

  test("tells which of the tasks that wait would get a place on a new worker", async () => {
    const { join, plan, run, submit } = await openRig();
    join("w1");
    await run(8, "old");
    await submit(specOf(5, "fits"));
    await submit(specOf(60, "big"));
    const answer = await plan(addStep(8));
    expect(summary(answer)).toEqual(["fits PLACED  new-1"]);
    expect(answer).toMatchObject({ waitingCount: 1, checkIndex: "" });
  });

  test("leaves out tasks that wait for the time of their next attempt, and says how many", async () => {
    const { join, plan, run, observer, clock } = await openRig();
    join("w1");
    const id = await run(1, "flaky");
    for (let attempt = 1; attempt < 3; attempt++) {
      const failed = { attempt, containerId: "c1", exitCode: 1 };
      observer.report(aReport(id, TaskState.FAILED, failed));
      await clock.advance(0);
    }
    expect(await plan(submitStep(1))).toMatchObject({ retryingCount: 1, waitingCount: 0 });
  });

  test("tells which worker may not be lost", async () => {
    const { join, client, run } = await openRig();
    join("w1");
    join("w2");
    await run(5, "a");
    await run(4, "b");
    const answer = await client.planTasks({ nPlusOne: true });
    expect(answer).toMatchObject({ riskCount: 2, riskWorkerCount: 2 });
    expect(answer.risks).toMatchObject([
      {
        workerId: "w1",
        taskCount: 1,
        unplacedCount: 1,
        unplaced: [{ taskName: "a", reason: "1 worker not ready; 1 worker short of memory" }],
      },
      { workerId: "w2", unplaced: [{ taskName: "b" }] },
    ]);
  });

  test("is made for a few callers at a time", async () => {
    const { join, plan } = await openRig();
    join("w1");
    const calls = Array.from({ length: 9 }, () => plan(submitStep(1)));
    const results = await Promise.allSettled(calls);
    const refused = results.filter((each) => each.status === "rejected");
    expect(refused.map(({ reason }) => reasonOf(reason))).toEqual(["TOO_MANY_PLANS"]);
  });

  test("foretells what then happens, also over a restart of the manager", async () => {
    const store = createMemoryStore();
    const first = await openRig({ store });
    for (const id of ["w1", "w2", "w3"]) first.join(id);
    await first.run(3, "a");
    await first.close();
    const second = await openRig({ store });
    for (const id of ["w1", "w2", "w3"]) second.join(id);
    await second.clock.advance(0);
    const names = ["x", "y", "z"];
    const { tasks, checkIndex } = await second.plan(...names.map((name) => submitStep(2, name)));
    const requests = names.map((name) => ({ spec: specOf(2, name) }));
    const { results } = await second.client.submitTasks({ requests, checkIndex });
    const really = results.map(({ outcome }) =>
      outcome.case === "task" ? outcome.value.attempt?.placement?.workerId : undefined,
    );
    expect(really).toEqual(tasks.map(({ toWorkerId }) => toWorkerId));
  });
});

describe("what really happens afterwards", () => {
  /** Tasks of several sizes on three workers, all of them running. */
  async function openBusy() {
    const rig = await openRig();
    const control = new AbortController();
    closings.push(async () => control.abort());
    void runDrainLoop(rig, control.signal);
    for (const id of ["w1", "w2", "w3"]) rig.join(id);
    const ids: string[] = [];
    for (const [at, gib] of [3, 2, 1, 2, 3, 1, 2, 1].entries())
      ids.push(await rig.run(gib, `t${at}`));
    const placeOf = (id: string) => rig.workerOf(id) ?? "nowhere";
    return { ...rig, places: () => Object.fromEntries(ids.map((id) => [id, placeOf(id)])) };
  }

  const foretold = (before: Record<string, string>, { tasks }: PlanTasksResponse) => ({
    ...before,
    ...Object.fromEntries(tasks.map((each) => [each.taskId, each.toWorkerId || "nowhere"])),
  });

  test("after a drain is what the plan of it said", async () => {
    const { plan, places, ledger, observer, client, clock } = await openBusy();
    const planned = foretold(places(), await plan(drainStep("w1")));
    await client.updateWorker({
      workerId: "w1",
      settings: { availability: WorkerAvailability.DRAINING },
      updateMask: { paths: ["availability"] },
    });
    for (let round = 0; round < 3; round++) {
      await clock.advance(0);
      for (const { id, successor } of [...ledger.tasks.placedOn("w1")]) {
        const attempt = successor?.number ?? 0;
        observer.report(aReport(id, TaskState.RUNNING, { attempt, containerId: "c2" }));
        observer.report(aReport(id, TaskState.STOPPED, { attempt: 1 }));
      }
    }
    expect(places()).toEqual(planned);
    expect(Object.values(planned)).not.toContain("w1");
  });

  test("after a loss is what the plan of it said", async () => {
    const { plan, places, ledger, observer, workers, clock } = await openBusy();
    const planned = foretold(places(), await plan(loseStep("w1")));
    workers.setPresence(aPresence("w1", { state: WorkerState.DOWN }));
    for (const { id } of [...ledger.tasks.placedOn("w1")])
      observer.lose({ taskId: id, attempt: 1 }, "worker w1 was lost");
    await clock.advance(0);
    expect(places()).toEqual(planned);
    expect(Object.values(planned)).not.toContain("w1");
  });
});

describe("a check index", () => {
  const request = (gib: number, checkIndex: string) => ({ spec: specOf(gib), checkIndex });

  test("lets a task in while the plan holds, whatever else has happened", async () => {
    const { join, plan, client, run, observer } = await openRig();
    join("w1");
    join("w2");
    const id = await run(1, "old");
    const { checkIndex } = await plan(submitStep(6));
    observer.report(aReport(id, TaskState.RUNNING, { containerId: "c1", message: "news" }));
    const { task } = await client.submitTask(request(6, checkIndex));
    expect(task?.attempt?.placement?.workerId).toBe("w2");
  });

  test("refuses it when it would go elsewhere, or wait, and says where it would go now", async () => {
    const { join, plan, client, run, pause, ledger } = await openRig();
    join("w1");
    join("w2");
    const { checkIndex } = await plan(submitStep(6));
    await run(1, "other");
    const moved = await failureOf(client.submitTask(request(6, checkIndex)));
    expect([moved.code, reasonOf(moved), moved.rawMessage]).toEqual([
      Code.Aborted,
      "PLAN_OUTDATED",
      `the plan of revision 0 no longer holds at revision ${ledger.revision()}, or is of other ` +
        "tasks: now web would go to w2; plan again",
    ]);
    await pause("w1");
    await pause("w2");
    expect((await failureOf(client.submitTask(request(6, checkIndex)))).rawMessage).toContain(
      "web would wait (2 workers not ready)",
    );
    expect(ledger.tasks.size).toBe(1);
  });

  test("sees changes of workers, which have no revision", async () => {
    const { join, plan, client, pause, ledger } = await openRig();
    join("w1");
    join("w2");
    const { checkIndex } = await plan(submitStep(6));
    const before = ledger.revision();
    await pause("w1");
    expect(ledger.revision()).toBe(before);
    const error = await failureOf(client.submitTask(request(6, checkIndex)));
    expect(reasonOf(error)).toBe("PLAN_OUTDATED");
  });

  test("may allow any worker, so that only a lost place counts", async () => {
    const { join, client, run } = await openRig();
    join("w1");
    join("w2");
    const steps = [submitStep(6)];
    const { checkIndex } = await client.planTasks({ steps, anyWorker: true });
    await run(4, "other");
    expect(
      (await client.submitTask(request(6, checkIndex))).task?.attempt?.placement?.workerId,
    ).toBe("w2");
    expect(reasonOf(await failureOf(client.submitTask(request(6, checkIndex))))).toBe(
      "PLAN_OUTDATED",
    );
  });

  test("is of the tasks that were planned, and of no others", async () => {
    const { join, plan, client } = await openRig();
    join("w1");
    const { checkIndex } = await plan(submitStep(6));
    const error = await failureOf(client.submitTask(request(5, checkIndex)));
    expect(reasonOf(error)).toBe("PLAN_OUTDATED");
  });

  test("that no plan can have given is refused with its field", async () => {
    const { client } = await openRig();
    const error = await failureOf(client.submitTask(request(6, "12")));
    expect([error.code, error.rawMessage]).toEqual([
      Code.InvalidArgument,
      'check_index: is "12": must be what a plan answered, such as 12-0123456789ab',
    ]);
  });

  test("of many tasks lets in all or none", async () => {
    const { join, plan, client, ledger } = await openRig();
    join("w1");
    join("w2");
    const { checkIndex } = await plan(submitStep(6, "a"), submitStep(6, "b"));
    const requests = ["a", "b"].map((name) => ({ spec: specOf(6, name), requestId: `r-${name}` }));
    const bad = [...requests.slice(0, 1), { spec: {} }];
    expect(
      (await failureOf(client.submitTasks({ requests: bad, checkIndex }))).rawMessage,
    ).toContain("requests[1].spec.image");
    const { results } = await client.submitTasks({ requests, checkIndex });
    expect(results.map(({ outcome }) => outcome.case)).toEqual(["task", "task"]);
    const again = await client.submitTasks({ requests, checkIndex });
    expect(again.results.map(({ outcome }) => outcome.case)).toEqual(["task", "task"]);
    const others = requests.map(({ spec }) => ({ spec }));
    const error = await failureOf(client.submitTasks({ requests: others, checkIndex }));
    expect(reasonOf(error)).toBe("PLAN_OUTDATED");
    expect(ledger.tasks.size).toBe(2);
  });

  test("belongs beside the entries of a batch, not into them", async () => {
    const { join, plan, client } = await openRig();
    join("w1");
    const { checkIndex } = await plan(submitStep(6));
    const error = await failureOf(client.submitTasks({ requests: [request(6, checkIndex)] }));
    expect(error.rawMessage).toBe(
      "requests[0].check_index: is set: plans are of whole calls, so set check_index beside requests",
    );
  });
});
