import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { RestartMode, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { aPendingTask, aStatus, GIB, START_MS } from "../../test/builders.ts";
import { add, lose, type Spec, submit } from "../../test/plan-samples.ts";
import { assignedOf } from "../custom-resources.ts";
import { observe } from "../observe.ts";
import { byPriority, dependsOnOthers } from "../pending-order.ts";
import type { Decision } from "../placement/decision.ts";
import { createPlacer, type Placer } from "../placement/place.ts";
import { amount, anyWorker, workerIds } from "../placement/samples.ts";
import { SCHEDULER_NAMES } from "../placement/schedulers.ts";
import { placementOf } from "../placement-message.ts";
import { schedule, workerOf } from "../task-change.ts";
import { questionOf } from "../task-question.ts";
import type { Fate } from "./fate.ts";
import { makePlan, type Step } from "./plan.ts";
import type { Occupant } from "./scene.ts";
import { atOnce } from "./slices.ts";

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
  if (decision.kind === "unplaced") return decision.kind;
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
  if (fate.kind !== "placed") return fate.kind;
  const { placement } = fate;
  const { workerId, lead, affinity, score } = placement;
  const runnerUps = placement.runnerUps.map(
    ({ $typeName: _, suitability: __, ...runnerUp }) => runnerUp,
  );
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
