import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { assert as holds } from "../../lib/assert.ts";
import type { Assigned } from "../custom-resources.ts";
import type { Candidate } from "./candidate.ts";
import type { Decision } from "./decision.ts";
import type { Demand } from "./demand.ts";
import { decideNaively, type Scene } from "./naive-choice.ts";
import { createPlacer, type Placer } from "./place.ts";
import { amount, anySteps, anyWorker, demand, type Step, worker, workerIds } from "./samples.ts";
import type { Scheduler } from "./scheduler.ts";
import { schedulers } from "./schedulers.ts";

const schedulerOf = (name: string): Scheduler => {
  const scheduler = schedulers.get(name);
  holds(scheduler, `there is a scheduler ${name}`);
  return scheduler;
};
const spread = schedulerOf("spread");
const roundRobin = schedulerOf("round-robin");

const chosen = (decision: Decision) =>
  decision.kind === "placed" ? decision.workerId : decision.explanation;

describe("a placement", () => {
  test("says which worker, how good it is, who came next and who was left out", () => {
    const placer = createPlacer([
      worker("a", { reserved: amount(1000) }),
      worker("b"),
      worker("c", { ready: false }),
      worker("d", { reserved: amount(4000) }),
    ]);
    const decision = placer.place(demand({ amount: amount(500, 512) }), spread);
    expect(decision).toMatchObject({
      kind: "placed",
      workerId: "b",
      runnerUps: [{ workerId: "a" }],
      exclusions: [
        { filter: "ready", workerCount: 1, explanation: "1 worker not ready" },
        { filter: "cpu", workerCount: 1, explanation: "too little CPU on 1 worker" },
      ],
    });
  });

  test("names at most three runners-up, best first, of equals the lowest ID first", () => {
    const placer = createPlacer(["e", "c", "a", "d", "b"].map((id) => worker(id)));
    for (let round = 0; round < 3; round++) {
      const decision = placer.place(demand(), roundRobin);
      holds(decision.kind === "placed", "every worker is free");
      expect([decision.workerId, ...decision.runnerUps.map(({ workerId }) => workerId)]).toEqual(
        ["abcd", "bcde", "cdea"][round]?.split(""),
      );
    }
  });

  test("counts what it promised at once", () => {
    const placer = createPlacer([worker("a", { capacity: amount(1000, 1024) })]);
    const half = demand({ amount: amount(500) });
    expect([half, half, half].map((each) => chosen(placer.place(each, spread)))).toEqual([
      "a",
      "a",
      "too little CPU on 1 worker",
    ]);
    expect(placer.release("a", half)).toBe(true);
    expect(chosen(placer.place(half, spread))).toBe("a");
  });

  test("keeps what is booked when a worker is only observed anew", () => {
    const placer = createPlacer();
    placer.observe(worker("a", { reserved: amount(9000), taskCount: 9 }));
    expect(placer.candidate("a")).toMatchObject({ reserved: amount(), taskCount: 0 });
    placer.place(demand({ amount: amount(500) }), spread);
    placer.observe(worker("a", { ready: false }));
    expect(placer.candidate("a")).toMatchObject({ ready: false, reserved: amount(500) });
  });

  test("counts attempts that were placed before its time", () => {
    const placer = createPlacer([worker("a")]);
    const web = demand({ hostPorts: ["tcp/80"] });
    expect(placer.book("a", web)).toBe(true);
    expect(chosen(placer.place(web, spread))).toBe("1 worker with a port it needs taken");
  });

  test("has nothing to give back on a worker that is gone", () => {
    const placer = createPlacer([worker("a")]);
    placer.remove("a");
    expect([placer.book("a", demand()), placer.release("a", demand())]).toEqual([false, false]);
  });
});

describe("a copy", () => {
  test("goes its own way, and each has its own turns from there on", () => {
    const placer = createPlacer(["a", "b", "c"].map((id) => worker(id)));
    const next = (of: Placer) => chosen(of.place(demand({ amount: amount(500) }), roundRobin));
    expect(next(placer)).toBe("a");
    const copy = placer.fork();
    expect([next(copy), next(copy), next(copy)]).toEqual(["b", "c", "a"]);
    expect(placer.candidate("b")?.taskCount).toBe(0);
    expect([next(placer), next(placer)]).toEqual(["b", "c"]);
    placer.remove("a");
    expect(copy.candidate("a")?.taskCount).toBe(2);
  });
});

describe("no placement", () => {
  test("says that there are no workers", () => {
    expect(createPlacer().place(demand(), spread)).toEqual({
      kind: "unplaced",
      exclusions: [],
      explanation: "no workers have joined",
    });
  });

  test("says why, the most frequent reason first", () => {
    const full = { reserved: amount(0, 8192) };
    const placer = createPlacer([
      worker("a", { ready: false }),
      worker("b", full),
      worker("c", full),
    ]);
    const needy = demand({ amount: amount(0, 1) });
    expect(chosen(placer.place(needy, spread))).toBe(
      "too little memory on 2 workers; 1 worker not ready",
    );
  });
});

type Promise = Readonly<{ workerId: string; demand: Demand; assigned?: Assigned | undefined }>;

/** A placement and what it was made from: workers and turns as they were before. */
type Placement = Scene & Readonly<{ decision: Decision }>;

/** Takes a placer through steps. `check` sees each placement. */
function play(placer: Placer, steps: readonly Step[], check: (scene: Placement) => void): void {
  let promises: readonly Promise[] = [];
  let placements = 0;
  const turns = new Map<string, number>();
  const forget = (workerId: string) => {
    promises = promises.filter((promise) => promise.workerId !== workerId);
  };
  const actions = {
    place({ demand, scheduler: name }: Step & { kind: "place" }) {
      const workers = candidatesOf(placer);
      const scheduler = schedulerOf(name);
      const decision = placer.place(demand, scheduler);
      check({ decision, demand, scheduler, workers, turns });
      if (decision.kind === "unplaced") return;
      const { workerId, assigned } = decision;
      promises = [...promises, { workerId, demand, assigned }];
      turns.set(decision.workerId, ++placements);
    },
    release({ index }: Step & { kind: "release" }) {
      const promise = promises[index];
      if (promise) expect(giveBack(placer, promise)).toBe(true);
      promises = promises.filter((other) => other !== promise);
    },
    update(step: Step & { kind: "update" }) {
      placer.update(step.worker);
      forget(step.worker.workerId);
    },
    observe: (step: Step & { kind: "observe" }) => placer.observe(step.worker),
    measure({ workerId, measurements }: Step & { kind: "measure" }) {
      const worker = placer.candidate(workerId);
      if (worker) placer.observe({ ...worker, ...measurements });
    },
    remove({ workerId }: Step & { kind: "remove" }) {
      placer.remove(workerId);
      turns.delete(workerId);
      forget(workerId);
    },
  };
  for (const step of steps) actions[step.kind](step as never);
}

const giveBack = (placer: Placer, { workerId, demand, assigned }: Promise) =>
  placer.release(workerId, demand, assigned);

const candidatesOf = (placer: Placer) => workerIds.flatMap((id) => placer.candidate(id) ?? []);

const anyFleet = () => fc.uniqueArray(anyWorker(), { selector: ({ workerId }) => workerId });

/** What amounts exclude is looked for until better workers are known. */
const hasLookedEverywhere = (decision: Decision): boolean =>
  decision.kind === "unplaced" || decision.runnerUps.length < 3;

const AMOUNTS = ["cpu", "memory", "disk"];

const comparable = (decision: Decision): Decision => {
  if (hasLookedEverywhere(decision)) return decision;
  return {
    ...decision,
    exclusions: decision.exclusions.filter(({ filter }) => !AMOUNTS.includes(filter)),
  };
};

describe("whatever happens", () => {
  test("every decision is the one that a full scan makes", () => {
    fc.assert(
      fc.property(anyFleet(), anySteps(), (fleet, steps) => {
        play(createPlacer(fleet), steps, ({ decision, ...scene }) => {
          expect({ ...comparable(decision), assigned: undefined }).toEqual(
            comparable(decideNaively(scene)),
          );
        });
      }),
      { numRuns: 400 },
    );
  });

  test("no worker is promised more than it has, and no port twice", () => {
    fc.assert(
      fc.property(anyFleet(), anySteps(), (fleet, steps) => {
        const placer = createPlacer(fleet);
        play(placer, steps, ({ decision, workers, demand: { amount, hostPorts } }) => {
          if (decision.kind !== "placed") return;
          const before = workers.find(({ workerId }) => workerId === decision.workerId);
          const after = placer.candidate(decision.workerId);
          holds(before && after, "a chosen worker is there");
          expect(before.ready).toBe(true);
          expect(hostPorts.filter((port) => before.usedPorts.has(port))).toEqual([]);
          expect(after.usedPorts.size).toBe(before.usedPorts.size + hostPorts.length);
          for (const key of ["cpuMillis", "memoryBytes", "diskBytes"] as const) {
            expect(after.reserved[key]).toBe(before.reserved[key] + amount[key]);
            if (amount[key] === 0) continue;
            expect(after.reserved[key]).toBeLessThanOrEqual(after.capacity[key]);
          }
        });
      }),
    );
  });

  test("the counts add up to the workers, and each that was left out has an objection", () => {
    fc.assert(
      fc.property(anyFleet(), anySteps(), (fleet, steps) => {
        play(createPlacer(fleet), steps, ({ decision, demand, scheduler, workers }) => {
          if (!hasLookedEverywhere(decision)) return;
          const excluded = decision.exclusions.reduce((sum, each) => sum + each.workerCount, 0);
          const appraisals = createPlacer(workers).explain(demand, scheduler);
          const objected = appraisals.filter(({ kind }) => kind === "excluded");
          expect(appraisals).toHaveLength(workers.length);
          expect(objected).toHaveLength(excluded);
          expect(decision.kind).toBe(excluded === workers.length ? "unplaced" : "placed");
        });
      }),
    );
  });

  test("the same steps lead to the same decisions", () => {
    const decisionsOf = (fleet: readonly Candidate[], steps: readonly Step[]) => {
      const decisions: Decision[] = [];
      play(createPlacer(fleet), steps, ({ decision }) => decisions.push(decision));
      return decisions;
    };
    fc.assert(
      fc.property(anyFleet(), anySteps(), (fleet, steps) => {
        expect(decisionsOf(fleet, steps)).toEqual(decisionsOf(fleet.toReversed(), steps));
      }),
    );
  });

  test("what is given back leaves the worker as it was", () => {
    fc.assert(
      fc.property(anyWorker(), anySteps(), (only, steps) => {
        const placer = createPlacer([only]);
        const before = placer.candidate(only.workerId);
        const placed = steps.flatMap((step) => {
          if (step.kind !== "place") return [];
          const decision = placer.place(step.demand, spread);
          return decision.kind === "placed" ? [{ ...decision, demand: step.demand }] : [];
        });
        for (const each of placed) giveBack(placer, each);
        expect(placer.candidate(only.workerId)).toEqual(before);
      }),
    );
  });
});
