import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import type { Candidate } from "./candidate.ts";
import { createDemand, type Demand, wishesOf } from "./demand.ts";
import { verdict } from "./filters.ts";
import { createPlacer } from "./place.ts";
import { amount, anyDemand, anyWorker, demand, worker } from "./samples.ts";
import type { Scheduler } from "./scheduler.ts";
import { schedulers } from "./schedulers.ts";

const anyScheduler = () => fc.constantFrom(...schedulers.values());

/** Workers with what earlier tasks left of them. */
const anyUsedFleet = (): fc.Arbitrary<readonly Candidate[]> =>
  fc
    .tuple(
      fc.uniqueArray(anyWorker(), { minLength: 1, selector: ({ workerId }) => workerId }),
      fc.array(anyDemand(), { maxLength: 8 }),
      anyScheduler(),
    )
    .map(([workers, demands, scheduler]) => {
      const placer = createPlacer(workers);
      for (const each of demands) placer.place(each, scheduler);
      return workers.flatMap(({ workerId }) => placer.candidate(workerId) ?? []);
    });

const fits = (fleet: readonly Candidate[], asked: Demand, scheduler: Scheduler): boolean =>
  createPlacer(fleet).place(asked, scheduler).kind === "placed";

/** The demand with one thing less that it asks for, in every way there is. */
function weaker(asked: Demand): readonly Demand[] {
  const without = <K extends "conditions" | "spreads" | "near">(key: K) =>
    asked[key].map((one) =>
      createDemand({
        ...asked,
        [key]: (asked[key] as readonly unknown[]).filter((o) => o !== one),
      }),
    );
  return [
    ...without("conditions"),
    ...without("spreads"),
    ...without("near"),
    createDemand({ ...asked, maxPerWorker: undefined }),
    createDemand({ ...asked, platform: undefined }),
    createDemand({ ...asked, custom: undefined }),
    createDemand({ ...asked, capabilities: [] }),
    createDemand({ ...asked, hostPorts: asked.hostPorts.slice(1) }),
    createDemand({ ...asked, amount: { ...asked.amount, cpuMillis: 0 } }),
    createDemand({ ...asked, amount: { ...asked.amount, memoryBytes: 0 } }),
    createDemand({ ...asked, amount: { ...asked.amount, diskBytes: 0 } }),
  ];
}

/**
 * A spread with a limit compares only those workers that the task could ever run on, so a constraint
 * less may bring empty values into the comparison.
 */
const comparesWorkers = ({ spreads }: Demand): boolean =>
  spreads.some(({ maxSkew }) => maxSkew !== undefined);

test("a task that fits does so too when it asks for less", () => {
  fc.assert(
    fc.property(anyUsedFleet(), anyDemand(), anyScheduler(), (fleet, asked, scheduler) => {
      fc.pre(!comparesWorkers(asked) && fits(fleet, asked, scheduler));
      for (const less of weaker(asked)) expect(fits(fleet, less, scheduler)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("a task that fits does so too without its spreads", () => {
  fc.assert(
    fc.property(anyUsedFleet(), anyDemand(), anyScheduler(), (fleet, asked, scheduler) => {
      fc.pre(comparesWorkers(asked) && fits(fleet, asked, scheduler));
      expect(fits(fleet, createDemand({ ...asked, spreads: [] }), scheduler)).toBe(true);
    }),
  );
});

test("what refuses a task is true of every worker that is counted", () => {
  fc.assert(
    fc.property(anyUsedFleet(), anyDemand(), anyScheduler(), (fleet, asked, scheduler) => {
      const decision = createPlacer(fleet).place(asked, scheduler);
      fc.pre(decision.kind === "unplaced");
      const counted = decision.exclusions.reduce((sum, { workerCount }) => sum + workerCount, 0);
      expect(counted).toBe(fleet.length);
      const rules = asked.spreads.length + asked.near.length;
      for (const { filter: name, workerCount } of decision.exclusions) {
        const filter = scheduler.filters.find((each) => each.name === name);
        const isTrueOf = (each: Candidate) =>
          filter !== undefined && verdict(filter, each, asked).kind === "excluded";
        // What a rule about many workers excludes cannot be told from one of them.
        if (rules === 0) expect(fleet.filter(isTrueOf).length).toBeGreaterThanOrEqual(workerCount);
      }
    }),
    { numRuns: 200 },
  );
});

/** Three workers in two zones, of so many cores each. */
const zoned = (cores: number): readonly Candidate[] =>
  ["a", "b", "c"].map((workerId, index) =>
    worker(workerId, {
      labels: { zone: index === 0 ? "x" : "y" },
      capacity: amount(cores * 1_000, cores * 1_000),
    }),
  );

const ofZone = (zone: string, cpuMillis: number): Demand => {
  const constraints = [{ key: "zone", values: [zone] }];
  const spec = create(TaskSpecSchema, zone === "" ? {} : { constraints });
  return demand({ amount: amount(cpuMillis), ...wishesOf(spec) });
};

test("where there is room for all on any worker, all fit in every order", () => {
  const anyTask = fc
    .tuple(fc.constantFrom("", "x", "y"), fc.nat(4_000))
    .map(([zone, cpu]) => ofZone(zone, cpu));
  fc.assert(
    fc.property(fc.array(anyTask, { maxLength: 12 }), anyScheduler(), (tasks, scheduler) => {
      const placer = createPlacer(zoned(48));
      for (const each of tasks) expect(placer.place(each, scheduler).kind).toBe("placed");
    }),
  );
});

test("of equal tasks as many fit in whatever order others come that may not go there", () => {
  const tasks = [
    ...Array.from({ length: 6 }, () => ofZone("x", 500)),
    ...Array.from({ length: 10 }, () => ofZone("y", 700)),
  ];
  const anyOrder = fc.shuffledSubarray(tasks, { minLength: tasks.length });
  fc.assert(
    fc.property(anyOrder, anyScheduler(), (order, scheduler) => {
      const placer = createPlacer(zoned(2));
      const placed = order.filter((each) => placer.place(each, scheduler).kind === "placed");
      const millis = placed.map(({ amount: { cpuMillis } }) => cpuMillis);
      expect(millis.filter((each) => each === 500)).toHaveLength(4);
      expect(millis.filter((each) => each === 700)).toHaveLength(4);
    }),
  );
});
