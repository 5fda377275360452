import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { assert as holds } from "../../lib/assert.ts";
import type { Assigned, CustomCapacity } from "../custom-resources.ts";
import { book, unbook } from "./booking.ts";
import { observedOf } from "./candidate.ts";
import { chooseIds, customFree } from "./custom.ts";
import type { Demand } from "./demand.ts";
import { objectionsOf } from "./explain.ts";
import { createPlacer, type Placer } from "./place.ts";
import { anyDemand, anySteps, anyWorker, demand, worker } from "./samples.ts";
import { schedulers } from "./schedulers.ts";

const spread = schedulers.get("spread");
holds(spread, "there is a scheduler");

const gpus = (...ids: string[]): CustomCapacity => new Map([["gpu", { count: ids.length, ids }]]);
const licences = (count: number): CustomCapacity => new Map([["licence", { count, ids: [] }]]);
const needs = (name: string, count: number) => demand({ custom: [{ name, count }] });

describe("named things", () => {
  test("are given out in the order in which the worker offers them", () => {
    const placer = createPlacer([worker("a", { customCapacity: gpus("y", "x", "z") })]);
    expect(placer.place(needs("gpu", 2), spread)).toMatchObject({
      assigned: new Map([["gpu", ["y", "x"]]]),
    });
    expect(placer.place(needs("gpu", 1), spread)).toMatchObject({
      assigned: new Map([["gpu", ["z"]]]),
    });
  });

  test("are free again once they are given back, others are not", () => {
    const placer = createPlacer([worker("a", { customCapacity: gpus("x", "y") })]);
    const first = placer.place(needs("gpu", 1), spread);
    placer.place(needs("gpu", 1), spread);
    holds(first.kind === "placed", "there are two");
    placer.release("a", needs("gpu", 1), first.assigned);
    expect(placer.place(needs("gpu", 1), spread)).toMatchObject({
      assigned: new Map([["gpu", ["x"]]]),
    });
  });

  test("that were given out before count, whoever counts them", () => {
    const placer = createPlacer([worker("a", { customCapacity: gpus("x", "y") })]);
    placer.book("a", needs("gpu", 1), new Map([["gpu", ["x"]]]));
    expect(placer.place(needs("gpu", 1), spread)).toMatchObject({
      assigned: new Map([["gpu", ["y"]]]),
    });
    expect(placer.place(needs("gpu", 1), spread)).toMatchObject({
      explanation: "too little gpu on 1 worker",
    });
  });

  test("stay with their attempt though the worker offers others since", () => {
    const placer = createPlacer([worker("a", { customCapacity: gpus("x", "y") })]);
    placer.place(needs("gpu", 2), spread);
    placer.observe(worker("a", { customCapacity: gpus("y", "new") }));
    expect(placer.place(needs("gpu", 1), spread)).toMatchObject({
      assigned: new Map([["gpu", ["new"]]]),
    });
  });

  test("that got a name only now are held back for those who have them without one", () => {
    const placer = createPlacer([worker("a", { customCapacity: licences(3) })]);
    placer.place(needs("licence", 1), spread);
    const ids = ["l1", "l2"];
    placer.observe(worker("a", { customCapacity: new Map([["licence", { count: 2, ids }]]) }));
    expect(placer.place(needs("licence", 2), spread)).toMatchObject({ kind: "unplaced" });
    expect(placer.place(needs("licence", 1), spread)).toMatchObject({ kind: "placed" });
  });
});

describe("counted things", () => {
  test("are given out by number alone", () => {
    const placer = createPlacer([worker("a", { customCapacity: licences(4) })]);
    expect(placer.place(needs("licence", 3), spread)).not.toHaveProperty("assigned");
    expect(placer.place(needs("licence", 2), spread)).toMatchObject({ kind: "unplaced" });
  });

  test("that are fewer than are promised are none, and below", () => {
    const full = book(worker("a", { customCapacity: licences(2) }), needs("licence", 4));
    expect(customFree(full, "licence")).toBe(-2);
  });
});

test("a worker that lacks them is told from one that has them no more, with numbers", () => {
  const some = new Map([...gpus("x", "y"), ...licences(1)]);
  const placer = createPlacer([worker("a", { customCapacity: some }), worker("b")]);
  placer.book("a", needs("gpu", 1), new Map([["gpu", ["x"]]]));
  const asked = demand({
    custom: [
      { name: "gpu", count: 2 },
      { name: "licence", count: 1 },
    ],
  });
  const objections = placer
    .explain(asked, spread)
    .flatMap((each) => (each.kind === "excluded" ? objectionsOf(each, asked) : []));
  expect(objections).toEqual([
    { filter: "custom", explanation: "gpu: needs 2, 1 free" },
    { filter: "custom", explanation: "gpu: needs 2, none here; licence: needs 1, none here" },
  ]);
});

test("who only counts need not know which are taken", () => {
  const before = worker("a", { customCapacity: gpus("x", "y") });
  const held = book(before, needs("gpu", 1), new Map([["gpu", ["x"]]]));
  expect(customFree(book(held, needs("gpu", 1)), "gpu")).toBe(0);
  expect(customFree(unbook(held, needs("gpu", 1)), "gpu")).toBe(2);
});

test("no more is given back than was promised", () => {
  const busy = book(worker("a"), demand());
  expect(() => unbook(busy, needs("gpu", 1))).toThrow("no more of gpu");
});

test("a task that asks for none leaves what is promised as it is, the very same", () => {
  const before = book(worker("a", { customCapacity: gpus("x") }), needs("gpu", 1));
  expect(book(before, demand()).customReserved).toBe(before.customReserved);
  expect(unbook(before, demand()).customReserved).toBe(before.customReserved);
  expect(chooseIds(before, undefined)).toBeUndefined();
});

test.each([
  ["more of them", gpus("x", "y")],
  ["another one", gpus("y")],
  ["another kind", new Map([...gpus("x"), ...licences(1)])],
])("a worker offers more that has %s", (_, customCapacity) => {
  const before = worker("a", { customCapacity: gpus("x") });
  expect(observedOf(before, { ...before, customCapacity })).toBe("more");
  expect(observedOf({ ...before, customCapacity: undefined }, before)).toBe("more");
});

test.each([
  ["the same in another order", gpus("y", "x")],
  ["fewer", gpus("x")],
  ["none", undefined],
])("a worker offers no more that has %s", (_, customCapacity) => {
  const before = worker("a", { customCapacity: gpus("x", "y") });
  expect(observedOf(before, { ...before, customCapacity })).toBe("same");
});

/** What was promised and not given back. */
type Live = Readonly<{ workerId: string; demand: Demand; assigned: Assigned | undefined }>;

const idsOn = (live: readonly Live[], workerId: string, name: string): readonly string[] =>
  live
    .filter((each) => each.workerId === workerId)
    .flatMap(({ assigned }) => assigned?.get(name) ?? []);

const countOn = (live: readonly Live[], workerId: string, name: string): number =>
  live
    .filter((each) => each.workerId === workerId)
    .flatMap(({ demand: { custom = [] } }) => custom.filter((need) => need.name === name))
    .reduce((sum, { count }) => sum + count, 0);

/** Whether what has just been placed is what the worker had to give. */
function checkPlaced(placer: Placer, live: readonly Live[], latest: Live): void {
  const { workerId, demand: asked, assigned } = latest;
  for (const { name, count } of asked.custom ?? []) {
    const offer = placer.candidate(workerId)?.customCapacity?.get(name);
    holds(offer, `a chosen worker offers ${name}`);
    if (offer.ids.length === 0) {
      expect(assigned?.get(name)).toBeUndefined();
      expect(countOn(live, workerId, name)).toBeLessThanOrEqual(offer.count);
    } else {
      expect(offer.ids).toEqual(expect.arrayContaining([...(assigned?.get(name) ?? [])]));
      expect(assigned?.get(name)).toHaveLength(count);
      const ids = idsOn(live, workerId, name);
      expect(ids).toEqual([...new Set(ids)]);
    }
  }
}

/** Another placer that knows of the same workers and, in another order, of the same attempts. */
function startAgain(placer: Placer, live: readonly Live[]): Placer {
  const next = createPlacer();
  for (const workerId of ["a", "b", "c", "d", "e"]) {
    const candidate = placer.candidate(workerId);
    if (candidate) next.observe(candidate);
  }
  for (const each of live.toReversed()) next.book(each.workerId, each.demand, each.assigned);
  return next;
}

test("no two live attempts ever have the same thing, and never more than there are", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyWorker(), { selector: ({ workerId }) => workerId }),
      anySteps(),
      fc.array(fc.record({ at: fc.nat(60), demand: anyDemand() }), { maxLength: 5 }),
      (fleet, steps, restarts) => {
        let placer = createPlacer(fleet);
        let live: readonly Live[] = [];
        const act = (workerId: string, asked: Demand, assigned: Assigned | undefined) => {
          const latest = { workerId, demand: asked, assigned };
          live = [...live, latest];
          checkPlaced(placer, live, latest);
        };
        for (const [index, step] of steps.entries()) {
          if (restarts.some(({ at }) => at === index)) placer = startAgain(placer, live);
          if (step.kind === "place") {
            const decision = placer.place(step.demand, spread);
            if (decision.kind === "placed") act(decision.workerId, step.demand, decision.assigned);
          } else if (step.kind === "release") {
            const ended = live[step.index];
            if (ended) placer.release(ended.workerId, ended.demand, ended.assigned);
            live = live.filter((each) => each !== ended);
          } else if (step.kind === "observe") placer.observe(step.worker);
        }
      },
    ),
    { numRuns: 500 },
  );
});
