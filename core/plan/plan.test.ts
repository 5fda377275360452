import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { PlacementSchema } from "../../gen/berth/v1/placement_pb.ts";
import { OnDisconnect, RestartMode } from "../../gen/berth/v1/task_pb.ts";
import { aPendingTask, START_MS } from "../../test/builders.ts";
import {
  ALWAYS,
  add,
  createCluster,
  drain,
  lose,
  memory,
  runningOn,
  submit,
} from "../../test/plan-samples.ts";
import { beginMove, handOver } from "../move.ts";
import { SCHEDULER_NAMES } from "../placement/schedulers.ts";
import type { Fate, PlannedTask } from "./fate.ts";

const placeOf = (fate: Fate): string => {
  if (fate.kind === "placed") return fate.placement.workerId;
  return fate.kind === "unplaced"
    ? `no place: ${fate.explanation}`
    : `${fate.kind}: ${fate.reason}`;
};

const fates = ({ tasks }: Readonly<{ tasks: readonly PlannedTask[] }>) =>
  Object.fromEntries(tasks.map(({ task, fate }) => [task.id, placeOf(fate)]));

describe("a plan to submit", () => {
  test("says which worker each task gets, and what keeps the others waiting", () => {
    const cluster = createCluster(["w1", "w2"]);
    cluster.run("t1", "w1", memory(4));
    const plan = cluster.plan([submit("a", memory(6)), submit("b", memory(6)), submit("c")]);
    expect(fates(plan)).toEqual({
      a: "w2",
      b: "no place: too little memory on 2 workers",
      c: "w1",
    });
    expect(plan.remedies.get("b")?.explanation).toBe(
      "lower the memory reservation from 6 GiB to 4 GiB (worker w1 has room then)",
    );
  });

  test("lets tasks of higher priority go first, as a scheduler's pass does", () => {
    const plan = createCluster(["w1"]).plan([
      submit("low", memory(6)),
      submit("high", { ...memory(6), priority: 1 }),
    ]);
    expect(fates(plan)).toMatchObject({ high: "w1", low: expect.stringContaining("no place") });
  });

  test("counts tasks that wait and still would, without telling of them", () => {
    const cluster = createCluster(["w1"]);
    cluster.pending.push(aPendingTask("big", memory(64)));
    const plan = cluster.plan([submit("a")]);
    expect([fates(plan), plan.waitingCount]).toEqual([{ a: "w1" }, 1]);
  });
});

describe("a plan to drain", () => {
  test("says where tasks move, which have no place, and which stay", () => {
    const cluster = createCluster(["w1", "w2"]);
    cluster.run("big", "w1", memory(6));
    cluster.run("job", "w1", { restartPolicy: { mode: RestartMode.NO } });
    cluster.run("small", "w1", memory(1));
    cluster.run("other", "w2", memory(4));
    const { tasks, ...plan } = cluster.plan([drain("w1")]);
    expect(fates({ tasks })).toEqual({
      big: "no place: 1 worker not ready; too little memory on 1 worker",
      job: "stays: ends by itself",
      small: "w2",
    });
    expect(tasks.map(({ fromWorkerId }) => fromWorkerId)).toEqual(["w1", "w1", "w1"]);
    expect(plan.remedies.get("big")?.workerId).toBe("w2");
  });

  test("says of a task that may never run twice that it stops first", () => {
    const cluster = createCluster(["w1", "w2"]);
    cluster.run("web", "w1", { ...ALWAYS, onDisconnect: OnDisconnect.STOP });
    const [web] = cluster.plan([drain("w1")]).tasks;
    expect(web?.fate).toMatchObject({
      kind: "placed",
      note: "stops first, for it may never run twice",
    });
  });

  test("goes on over the tasks that are already planned to be there", () => {
    const cluster = createCluster(["w1", "w2", "w3"]);
    cluster.run("t1", "w1");
    const plan = cluster.plan([drain("w1", 0), drain("w2", 1), submit("a", {}, 2)]);
    expect(fates(plan)).toEqual({ t1: "w3", a: "w3" });
    expect(plan.tasks[0]).toMatchObject({ fromWorkerId: "w1", step: 1 });
  });
});

describe("a plan to lose a worker", () => {
  test("says which tasks are started elsewhere, which have no place, and which end", () => {
    const cluster = createCluster(["w1", "w2"]);
    cluster.run("big", "w1", memory(6));
    cluster.run("job", "w1", { restartPolicy: { mode: RestartMode.NO } });
    cluster.run("single", "w1", { ...ALWAYS, onDisconnect: OnDisconnect.STOP });
    cluster.run("other", "w2", memory(4));
    const plan = cluster.plan([lose("w1")]);
    expect(fates(plan)).toEqual({
      big: "no place: 1 worker not ready; too little memory on 1 worker",
      job: "ends: no other attempt follows: its restart policy is no",
      single: "w2",
    });
    expect(plan.tasks.find(({ task }) => task.id === "single")?.fate).toMatchObject({
      note: "11 s after the loss, for it may never run twice",
    });
  });

  test("takes what was planned onto it elsewhere", () => {
    const cluster = createCluster(["w1", "w2"]);
    const plan = cluster.plan([submit("a", ALWAYS), lose("w1", 1), lose("w2", 2)]);
    expect(fates(plan)).toEqual({ a: "no place: 2 workers not ready" });
    expect(plan.tasks[0]).toMatchObject({ step: 2, fromWorkerId: "" });
  });
});

describe("a task that is on its way from one worker to another", () => {
  /** It runs on w1 and is to go on w2, where its successor has been placed. */
  function createMove(onDisconnect = OnDisconnect.KEEP_RUNNING) {
    const cluster = createCluster(["w1", "w2", "w3"]);
    const before = runningOn(aPendingTask("t1", { ...ALWAYS, onDisconnect }), "w1");
    const placement = create(PlacementSchema, { workerId: "w2", scheduler: "spread" });
    const { task } = beginMove(before, { placement, reason: "w1 drains", now: START_MS });
    cluster.moveTo("w2", "w1", task);
    return cluster;
  }

  test("goes on where it goes to when the worker that it leaves is lost", () => {
    expect(createMove().plan([lose("w1")]).tasks).toMatchObject([
      {
        fromWorkerId: "w1",
        fate: { kind: "stays", workerId: "w2", reason: "attempt 2 takes over" },
      },
    ]);
  });

  test("stays where it is when the worker that it goes to is lost, or drains", () => {
    const fate = { kind: "stays", workerId: "w1" };
    expect(createMove().plan([lose("w2")]).tasks).toMatchObject([{ fate }]);
    expect(createMove().plan([drain("w2")]).tasks).toMatchObject([{ fate }]);
  });

  test("is left to move when the worker that it leaves drains", () => {
    expect(fates(createMove().plan([drain("w1")]))).toEqual({
      t1: "stays: moves to w2: attempt 2 is scheduled",
    });
  });

  test("needs another place once both are lost", () => {
    expect(fates(createMove().plan([lose("w1"), lose("w2", 1)]))).toEqual({ t1: "w3" });
    expect(fates(createMove().plan([lose("w2"), drain("w1", 1)]))).toEqual({ t1: "w3" });
  });

  test("leaves a container behind of which no plan tells", () => {
    const cluster = createCluster(["w1", "w2"]);
    const before = runningOn(aPendingTask("t1", ALWAYS), "w1");
    const placement = create(PlacementSchema, { workerId: "w2", scheduler: "spread" });
    const begun = beginMove(before, { placement, reason: "", now: START_MS }).task;
    cluster.moveTo("w2", "w1", handOver(begun, START_MS).task);
    expect(cluster.plan([lose("w1")]).tasks).toEqual([]);
  });
});

describe("a plan to add workers", () => {
  test("says which of the tasks that wait would then have a place", () => {
    const cluster = createCluster(["w1"]);
    cluster.run("t1", "w1", memory(8));
    cluster.pending.push(aPendingTask("fits", memory(5)), aPendingTask("big", memory(64)));
    const plan = cluster.plan([add("new-1")]);
    expect(fates(plan)).toEqual({ fits: "new-1" });
    expect(plan.tasks[0]?.step).toBeUndefined();
    expect(plan.waitingCount).toBe(1);
  });

  test("makes room for what a drain drives out and for what is submitted", () => {
    const cluster = createCluster(["w1"]);
    cluster.run("t1", "w1", memory(5));
    const steps = [add("new-1", 0), add("new-2", 1), drain("w1", 2), submit("a", memory(6), 3)];
    expect(fates(cluster.plan(steps))).toEqual({ t1: "new-1", a: "new-2" });
  });
});

describe("N+1", () => {
  test("names the workers whose loss would leave tasks without a place, the worst first", () => {
    const cluster = createCluster(["w1", "w2", "w3"]);
    cluster.run("a", "w1", memory(5));
    cluster.run("b", "w2", memory(4));
    cluster.run("c", "w2", memory(4));
    cluster.run("d", "w3", memory(5));
    const { risks } = cluster.plan([], true);
    expect(risks?.workerCount).toBe(3);
    expect(
      risks?.risks.map(({ workerId, homeless }) => [workerId, homeless.map(({ task }) => task.id)]),
    ).toEqual([
      ["w2", ["b", "c"]],
      ["w1", ["a"]],
      ["w3", ["d"]],
    ]);
  });

  test("holds where every worker may be lost, of whatever scheduler the tasks are", () => {
    const cluster = createCluster(["w1", "w2"]);
    for (const [at, scheduler] of SCHEDULER_NAMES.entries())
      cluster.run(`t${at}`, at % 2 === 0 ? "w1" : "w2", { ...ALWAYS, scheduler });
    expect(cluster.plan([], true).risks).toEqual({ risks: [], workerCount: 2 });
  });
});
