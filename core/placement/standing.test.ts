import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { book } from "./booking.ts";
import type { Candidate } from "./candidate.ts";
import { createDemand, type Demand } from "./demand.ts";
import { createFleet, type Fleet } from "./fleet.ts";
import { amount, anyDemand, anyWorker, workerIds } from "./samples.ts";
import { schedulers } from "./schedulers.ts";
import { createStanding } from "./standing.ts";
import { type Question, type Survey, survey } from "./survey.ts";

/** Something that happens to a fleet between two questions. */
type Change =
  | Readonly<{ kind: "set" | "measure"; worker: Candidate }>
  /** Of the demand that is asked about, or of another. */
  | Readonly<{ kind: "book"; workerId: string; isAsked: boolean; turn: number }>
  | Readonly<{ kind: "remove"; workerId: string }>;

const anyChange = (): fc.Arbitrary<Change> => {
  const kind = <K extends Change["kind"]>(...kinds: K[]) => fc.constantFrom(...kinds);
  const workerId = fc.constantFrom(...workerIds);
  const booking = { kind: kind("book"), workerId, isAsked: fc.boolean(), turn: fc.nat(9) };
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: kind("set", "measure"), worker: anyWorker() }) },
    { weight: 2, arbitrary: fc.record(booking) },
    fc.record({ kind: kind("remove"), workerId }),
  );
};

const anyFleet = () => fc.array(anyWorker(), { minLength: 1, maxLength: 6, size: "max" });

/** Changes, and what is asked after them: the demand itself, or the same for another amount. */
const anyRounds = () =>
  fc.array(
    fc.record({
      changes: fc.array(anyChange(), { maxLength: 3 }),
      questions: fc.array(fc.constantFrom("same", "same", "same", "more"), { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 8, size: "max" },
  );

function carryOut(change: Change, fleet: Fleet, demands: readonly [Demand, Demand]): void {
  switch (change.kind) {
    case "set":
      fleet.set(change.worker);
      break;
    case "measure": {
      const { workerId, metrics, diskAvailableBytes } = change.worker;
      const known = fleet.get(workerId)?.candidate;
      if (known) fleet.observe({ ...known, metrics, diskAvailableBytes });
      break;
    }
    case "book": {
      const slot = fleet.get(change.workerId);
      if (slot) fleet.choose(slot.seat, { demand: demands[change.isAsked ? 0 : 1] }, change.turn);
      break;
    }
    case "remove":
      fleet.remove(change.workerId);
      break;
  }
}

/**
 * All that a survey says, also of single workers. What amounts exclude is counted as far as it was
 * looked for: everywhere if there was not enough.
 */
const told = ({ rank, excluded, best }: Survey) =>
  JSON.stringify([
    best,
    [...excluded]
      .filter(([{ weighs }]) => weighs === undefined || best.length < COUNT)
      .map(([{ name }, count]) => `${name} ${count}`)
      .sort(),
    workerIds.map(rank),
  ]);

/** The same demand for another amount: one standing is for both. */
const moreOf = (demand: Demand): Demand =>
  createDemand({ ...demand, amount: amount(700, 1500, 500) });

/** How many of the best are asked for: fewer than there may be. */
const COUNT = 2;

/** How many are kept of those that are asked for again: fewer than there may be, too. */
const FRONT_SIZE = 3;

/** 2,000 for each of the five: 10,000 in all. */
const CASES = { numRuns: 2_000, seed: 20_260_101 };

describe.each([...schedulers])("a standing for %s", (_, scheduler) => {
  test("is what a full scan finds, whatever happened since it was last asked", () => {
    const anyPair = fc.tuple(anyDemand(), anyDemand());
    fc.assert(
      fc.property(anyFleet(), anyPair, anyRounds(), (workers, demands, rounds) => {
        const fleet = createFleet();
        for (const each of workers) fleet.set(each);
        const question: Question = { demand: demands[0], scheduler };
        const standing = createStanding(fleet, question, FRONT_SIZE);
        const plain = createStanding(fleet, question, 0);
        for (const { changes, questions } of rounds) {
          for (const change of changes) carryOut(change, fleet, demands);
          for (const each of questions) {
            const demand = each === "same" ? demands[0] : moreOf(demands[0]);
            const asked = { demand, scheduler };
            const found = standing.survey(asked, COUNT);
            expect(told(found)).toBe(told(survey(fleet, asked, COUNT)));
            for (const [filter, count] of plain.survey(asked, COUNT).excluded)
              expect(found.excluded.get(filter)).toBeGreaterThanOrEqual(count);
          }
        }
      }),
      CASES,
    );
  });

  test("gives every worker that fits a finite score", () => {
    fc.assert(
      fc.property(anyWorker(), fc.array(anyDemand()), anyDemand(), (idle, booked, demand) => {
        const busy = booked.reduce((worker, each) => book(worker, each), idle);
        expect(Number.isFinite(scheduler.score(busy, demand, { lastChosen: 0 }))).toBe(true);
      }),
    );
  });
});
