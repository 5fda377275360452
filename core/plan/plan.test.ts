import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { PlacementSchema } from "../../gen/berth/v1/placement_pb.ts";
import {
  OnDisconnect,
  RestartMode,
  type Task,
  type TaskSpecSchema,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";
import { aPendingTask, aStatus, GIB, START_MS } from "../../test/builders.ts";
import { assignedOf } from "../custom-resources.ts";
import { beginMove, handOver } from "../move.ts";
import { observe } from "../observe.ts";
import { byPriority, dependsOnOthers } from "../pending-order.ts";
import type { Decision } from "../placement/decision.ts";
import { createPlacer, type Placer } from "../placement/place.ts";
import { amount, anyWorker, worker, workerIds } from "../placement/samples.ts";
import { SCHEDULER_NAMES } from "../placement/schedulers.ts";
import { placementOf } from "../placement-message.ts";
import { schedule, workerOf } from "../task-change.ts";
import { questionOf } from "../task-question.ts";
import type { Fate, PlannedTask } from "./fate.ts";
import { makePlan, type Step } from "./plan.ts";
import type { Occupant } from "./scene.ts";
import { atOnce } from "./slices.ts";

type Spec = MessageInitShape<typeof TaskSpecSchema>;

const ALWAYS = { restartPolicy: { mode: RestartMode.ALWAYS } };

const memory = (gib: number): Spec => ({
  ...ALWAYS,
  reservation: { memoryBytes: BigInt(gib * GIB) },
});

/** Workers of 8 GiB each, and what runs there. */
function createCluster(ids: readonly string[]) {
  const placer = createPlacer(ids.map((id) => worker(id)));
  const occupants = new Map<string, Occupant[]>(ids.map((id) => [id, []]));
  const pending: Task[] = [];

  return {
    placer,
    pending,
    run(id: string, workerId: string, spec: Spec = ALWAYS): void {
      const task = runningOn(aPendingTask(id, spec), workerId);
      const { demand } = questionOf(task);
      placer.book(workerId, demand);
      occupants.get(workerId)?.push({ task, booked: [{ workerId, demand }] });
    },
    /** A task that has something on two workers. */
    moveTo(to: string, from: string, task: Task): void {
      const { demand } = questionOf(task);
      const booked = [from, to].map((workerId) => ({ workerId, demand }));
      for (const workerId of [from, to]) {
        placer.book(workerId, demand);
        occupants.get(workerId)?.push({ task, booked });
      }
    },
    snapshot: () => ({
      placer: placer.fork(),
      ...{ occupants, pending, due: [], now: START_MS },
    }),
    plan(steps: readonly Step[], withRisks = false) {
      return atOnce(makePlan(this.snapshot(), { steps, withRisks, aids }));
    },
  };
}

const aids = { cure: () => undefined, holder: () => "" };

function runningOn(task: Task, workerId: string): Task {
  const placement = create(PlacementSchema, { workerId, scheduler: "spread" });
  const status = aStatus(TaskState.RUNNING, { containerId: "c1" });
  const sight = { attempt: 1, status, now: START_MS, jitter: 0 };
  return observe(schedule(task, placement, START_MS).task, sight).at(-1)?.task ?? task;
}

const submit = (id: string, spec: Spec = {}, index = 0): Step => ({
  kind: "submit",
  index,
  task: aPendingTask(id, spec),
});
const drain = (workerId: string, index = 0): Step => ({ kind: "drain", index, workerId });
const lose = (workerId: string, index = 0): Step => ({ kind: "lose", index, workerId });
const add = (workerId: string, index = 0): Step => ({
  kind: "add",
  index,
  worker: worker(workerId),
});

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
      b: "no place: 2 workers short of memory",
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
      big: "no place: 1 worker not ready; 1 worker short of memory",
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
      big: "no place: 1 worker not ready; 1 worker short of memory",
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

const anySpec = (): fc.Arbitrary<Spec> =>
  fc
    .record({
      name: fc.constantFrom("web", "db"),
      gib: fc.constantFrom(0, 1, 3, 5),
      cpu: fc.constantFrom(0, 500, 1500),
      scheduler: fc.constantFrom(...SCHEDULER_NAMES),
      priority: fc.constantFrom(0, 0, 1),
      isSpread: fc.constantFrom(false, false, true),
      mode: fc.constantFrom(RestartMode.ALWAYS, RestartMode.NO),
      labels: fc.constantFrom<Record<string, string>>({}, { app: "a" }),
      gpu: fc.constantFrom(0, 0, 1),
    })
    .map(({ gib, cpu, mode, gpu, isSpread, labels, ...rest }) => ({
      ...rest,
      labels: { ...labels },
      spreads: isSpread ? [{ key: "zone", maxSkew: 1 }] : [],
      restartPolicy: { mode },
      reservation: {
        memoryBytes: BigInt(gib * GIB),
        cpuMillis: BigInt(cpu),
        ...(gpu > 0 && { custom: { gpu: { count: BigInt(gpu) } } }),
      },
    }));

/** A cluster in which tasks were placed by the placer itself, and whose turns have moved on. */
const anyCluster = () =>
  fc
    .record({
      fleet: fc.uniqueArray(anyWorker(), { selector: ({ workerId }) => workerId }),
      specs: fc.array(anySpec(), { maxLength: 12 }),
    })
    .map(({ fleet, specs }) => {
      const placer = createPlacer(fleet.map((each) => ({ ...each, capacity: amount(4000, 8192) })));
      const occupants = new Map<string, Occupant[]>();
      for (const [at, spec] of specs.entries()) {
        const placed = place(placer, aPendingTask(`old-${at}`, spec));
        if (!placed) continue;
        const workerId = workerOf(placed.task);
        occupants.set(workerId, [...(occupants.get(workerId) ?? []), placed]);
      }
      return { placer, occupants, pending: [], due: [], now: START_MS };
    });

function place(placer: Placer, task: Task): Occupant | undefined {
  const { demand, scheduler } = questionOf(task);
  const decision = placer.place(demand, scheduler);
  if (decision.kind === "unplaced") return undefined;
  const placement = placementOf(decision, scheduler.name, START_MS);
  const placed = schedule(task, placement, START_MS).task;
  const status = aStatus(TaskState.RUNNING, { containerId: "c1" });
  const sight = { attempt: 1, status, now: START_MS, jitter: 0 };
  const running = observe(placed, sight).at(-1)?.task ?? placed;
  const { workerId } = decision;
  return { task: running, booked: [{ workerId, demand, assigned: assignedOf(placement) }] };
}

const stateOf = (placer: Placer) => workerIds.map((id) => placer.candidate(id));

const anySteps = () =>
  fc.array(
    fc.oneof(
      anySpec().map((spec) => ({ kind: "submit" as const, spec })),
      fc.constantFrom(...workerIds).map((workerId) => ({ kind: "drain" as const, workerId })),
      fc.constantFrom(...workerIds).map((workerId) => ({ kind: "lose" as const, workerId })),
      fc.constant({ kind: "add" as const }),
    ),
    { maxLength: 8 },
  );

/** What amounts exclude is looked for only until better workers are known: see `Search`. */
function comparable(decision: Decision) {
  if (decision.kind === "unplaced") return decision.explanation;
  const { workerId, lead, affinity, score, runnerUps, assigned } = decision;
  return { workerId, lead, affinity, score, runnerUps, assigned };
}

/** As the scheduler loop: those that look at others are tried again whenever one got a place. */
function placeAll(tasks: readonly Task[], placer: Placer) {
  const found = new Map<string, ReturnType<typeof comparable>>();
  let due = tasks.toSorted(byPriority);
  while (due.length > 0) {
    const decisions = due.map((task) => {
      const { demand, scheduler } = questionOf(task);
      const decision = placer.place(demand, scheduler);
      found.set(task.id, comparable(decision));
      return decision.kind;
    });
    const left = due.filter((task, at) => decisions[at] === "unplaced" && dependsOnOthers(task));
    due = decisions.includes("placed") ? left : [];
  }
  return found;
}

function comparableFate(fate: Fate) {
  if (fate.kind !== "placed") return fate.kind === "unplaced" && fate.explanation;
  const { placement } = fate;
  const { workerId, lead, affinity, score } = placement;
  const runnerUps = placement.runnerUps.map(({ $typeName: _, ...runnerUp }) => runnerUp);
  return { workerId, lead, affinity, score, runnerUps, assigned: assignedOf(placement) };
}

const isThere = (placer: Placer, workerId: string) => placer.candidate(workerId) !== undefined;

describe("whatever the cluster is", () => {
  test("tasks that are submitted go where the plan said", () => {
    fc.assert(
      fc.property(anyCluster(), fc.array(anySpec(), { maxLength: 8 }), (cluster, specs) => {
        const tasks = specs.map((spec, at) => aPendingTask(`new-${at}`, spec));
        const steps = tasks.map((task, index): Step => ({ kind: "submit", index, task }));
        const snapshot = { ...cluster, placer: cluster.placer.fork() };
        const plan = atOnce(makePlan(snapshot, { steps, withRisks: false }));
        const planned = plan.tasks.map(({ task, fate }) => [task.id, comparableFate(fate)]);
        const really = placeAll(tasks, cluster.placer);
        expect(Object.fromEntries(planned)).toEqual(Object.fromEntries(really));
      }),
    );
  });

  test("a plan changes nothing, and to look for risks changes nothing in the plan", () => {
    fc.assert(
      fc.property(anyCluster(), anySteps(), (cluster, drafts) => {
        const steps = stepsFrom(drafts, cluster.placer);
        const before = stateOf(cluster.placer);
        const copy = cluster.placer.fork();
        const make = (withRisks: boolean, placer = cluster.placer.fork()) =>
          atOnce(makePlan({ ...cluster, placer }, { steps, withRisks }));
        const [first, second, third] = [make(false), make(true), make(false, copy)];
        expect(stateOf(cluster.placer)).toEqual(before);
        expect(second.tasks).toEqual(first.tasks);
        expect(third).toEqual(first);
      }),
    );
  });

  test("no task is planned onto a worker that was drained or lost, and none gets lost", () => {
    fc.assert(
      fc.property(anyCluster(), anySteps(), (cluster, drafts) => {
        const steps = stepsFrom(drafts, cluster.placer);
        const placer = cluster.placer.fork();
        const { tasks } = atOnce(makePlan({ ...cluster, placer }, { steps, withRisks: false }));
        const closed = steps.flatMap((step) => ("workerId" in step ? [step.workerId] : []));
        for (const { fate } of tasks)
          if (fate.kind === "placed") expect(closed).not.toContain(fate.placement.workerId);
        const submitted = steps.filter(({ kind }) => kind === "submit").length;
        const told = tasks.filter(({ fromWorkerId }) => fromWorkerId === "").length;
        expect(told).toBe(submitted);
        for (const step of steps)
          if (step.kind === "lose") expect(placer.candidate(step.workerId)?.taskCount).toBe(0);
      }),
    );
  });

  test("a worker is at risk if its loss, planned alone, leaves tasks without a place", () => {
    fc.assert(
      fc.property(anyCluster(), (cluster) => {
        const make = (steps: readonly Step[], withRisks: boolean) =>
          atOnce(makePlan({ ...cluster, placer: cluster.placer.fork() }, { steps, withRisks }));
        const risky = make([], true).risks?.risks.map(({ workerId }) => workerId);
        const alone = [...cluster.occupants.keys()].filter((workerId) =>
          make([lose(workerId)], false).tasks.some(({ fate }) => fate.kind === "unplaced"),
        );
        expect(risky?.toSorted()).toEqual(alone.toSorted());
      }),
    );
  });
});

type Draft = ReturnType<typeof anySteps> extends fc.Arbitrary<infer T> ? T : never;

/** Steps about workers that are there. */
const stepsFrom = (drafts: Draft, placer: Placer): readonly Step[] =>
  drafts.flatMap((draft, index): readonly Step[] => {
    switch (draft.kind) {
      case "submit":
        return [submit(`new-${index}`, draft.spec, index)];
      case "add":
        return [add(`extra-${index}`, index)];
      default:
        return isThere(placer, draft.workerId) ? [{ ...draft, index }] : [];
    }
  });
