import { Code } from "@connectrpc/connect";
import { afterEach, describe, expect, test } from "@jest/globals";
import { PlannedFate, type PlanTasksResponse } from "../../gen/berth/v1/plan_pb.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerAvailability, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import { aPresence, aReport, GIB } from "../../test/builders.ts";
import { runDrainLoop } from "./drain-loop.ts";
import type { WireName } from "./testing/manager-rig.ts";
import {
  addStep,
  createPlanRig,
  drainStep,
  failureOf,
  loseStep,
  specOf,
  submitStep,
} from "./testing/plan-rig.ts";

const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

async function openRig(options: Parameters<typeof createPlanRig>[0] = {}) {
  const rig = await createPlanRig(options);
  closings.push(rig.close);
  return rig;
}

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
      reason: "too little memory on 2 workers",
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
      "steps[0].drain.worker_id: is required: name one",
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
        unplaced: [{ taskName: "a", reason: "1 worker not ready; too little memory on 1 worker" }],
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
