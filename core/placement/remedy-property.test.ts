import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { book } from "./booking.ts";
import type { Amount, Candidate } from "./candidate.ts";
import { createDemand, type Demand } from "./demand.ts";
import type { Appraisal, Unsuitable } from "./explain.ts";
import { ALL_FILTERS, verdict } from "./filters.ts";
import { decideNaively } from "./naive-choice.ts";
import { createPlacer } from "./place.ts";
import { type Aids, type Cure, findRemedy, type Remedy } from "./remedy.ts";
import { anyDemand, anyWorker, worker } from "./samples.ts";
import { spread } from "./spread.ts";

const cure = (workerId: string): Cure => ({ kind: "mend", words: `mend ${workerId}` });
const aids: Aids = { cure, holder: () => "" };

type Scene = Readonly<{
  remedy: Remedy;
  fleet: readonly Candidate[];
  asked: Demand;
  unsuitable: readonly Unsuitable[];
}>;

/** Workers with a few tasks, fit or not. */
const anyFleet = () =>
  fc.uniqueArray(
    fc
      .tuple(anyWorker(), fc.array(anyDemand(), { maxLength: 3 }))
      .map(([empty, promised]) => promised.reduce((worker, each) => book(worker, each), empty)),
    { selector: ({ workerId }) => workerId },
  );

const isUnsuitable = (appraisal: Appraisal): appraisal is Unsuitable =>
  appraisal.kind === "excluded";

/** Puts a claim to remedies for all sorts of demands in all sorts of fleets. */
const check = (claim: (scene: Scene) => void) =>
  fc.assert(
    fc.property(anyFleet(), anyDemand(), (fleet, asked) => {
      const appraisals = createPlacer(fleet).explain(asked, spread);
      const remedy = findRemedy(appraisals, { demand: asked, scheduler: spread }, aids);
      if (remedy) claim({ remedy, fleet, asked, unsuitable: appraisals.filter(isUnsuitable) });
    }),
    { numRuns: 1_000 },
  );

test("there is a remedy exactly where a demand is not placed", () => {
  fc.assert(
    fc.property(anyFleet(), anyDemand(), (workers, asked) => {
      const appraisals = createPlacer(workers).explain(asked, spread);
      const remedy = findRemedy(appraisals, { demand: asked, scheduler: spread }, aids);
      const scene = { workers, demand: asked, scheduler: spread, turns: new Map() };
      expect(remedy === undefined).toBe(decideNaively(scene).kind === "placed");
    }),
  );
});

/** What the change makes of a worker, as a person would carry it out. */
function carryOut({ filter }: Remedy, before: Candidate, asked: Demand): Candidate {
  const usedPorts = [...before.usedPorts].filter((port) => !asked.hostPorts.includes(port));
  const changes: Readonly<Record<string, Partial<Candidate>>> = {
    ready: { ready: true },
    ports: { usedPorts: new Set(usedPorts) },
    capability: { capabilities: new Set(asked.capabilities) },
  };
  return { ...before, ...changes[filter] };
}

const byName = ({ workerId }: Pick<Candidate, "workerId">, name: string) => workerId === name;

describe("a change that is named", () => {
  test("makes the worker that is named suitable", () => {
    const seen = new Set<string>();
    check(({ remedy, fleet, asked }) => {
      if (remedy.workerId === "") return;
      seen.add(remedy.filter);
      const after = fleet.map((each) =>
        byName(each, remedy.workerId) ? carryOut(remedy, each, asked) : each,
      );
      const appraisals = createPlacer(after).explain(remedy.demand ?? asked, spread);
      const appraisal = appraisals.find((each) => byName(each.candidate, remedy.workerId));
      expect(appraisal?.kind).toBe("fits");
    });
    expect(seen.size).toBeGreaterThan(5);
  });

  test("lowers a reservation no more than it must, and its words promise no more", () => {
    check(({ remedy, fleet, asked }) => {
      const part = PARTS[remedy.filter];
      const lowered = remedy.demand?.amount;
      const before = fleet.find((each) => byName(each, remedy.workerId));
      if (!part || !lowered || !before) return;
      const asking = (value: number) =>
        createDemand({ ...asked, amount: { ...lowered, [part]: value } });
      expect(passes(before, asking(lowered[part] + 1))).toBe(false);
      expect(passes(before, asking(amountInWords(remedy.explanation)))).toBe(true);
    });
  });

  test("is a new worker that can take a demand of which all is told", () => {
    check(({ remedy: { explanation }, asked }) => {
      const isTold = asked.conditions.length + asked.spreads.length + asked.near.length === 0;
      if (!explanation.startsWith("add ") || !isTold) return;
      const { os = "linux", architecture = "amd64" } = asked.platform ?? {};
      const capabilities = new Set(asked.capabilities);
      const customCapacity = new Map(
        asked.custom?.map(({ name, count }) => [name, { count, ids: [] }]),
      );
      const has = { os, architecture, capabilities, customCapacity };
      const fresh = worker("new", { ...has, capacity: asked.amount });
      expect(passes(fresh, asked)).toBe(true);
    });
  });
});

test("no single change is said only where each worker lacks two things, or one that is two", () => {
  const manifold = ["spread", "task-affinity", "constraint", "custom"];
  check(({ remedy, unsuitable }) => {
    if (!remedy.explanation.startsWith("no single change")) return;
    for (const { grounds } of unsuitable) {
      const [first] = grounds;
      const isManifold = first !== undefined && manifold.includes(first.filter.name);
      expect(grounds.length > 1 || isManifold).toBe(true);
    }
  });
});

const PARTS: Readonly<Record<string, keyof Amount>> = {
  ...{ cpu: "cpuMillis", memory: "memoryBytes", disk: "diskBytes" },
};

const passes = (candidate: Candidate, wanted: Demand): boolean =>
  ALL_FILTERS.every((filter) => verdict(filter, candidate, wanted).kind === "passes");

/** The amount in the words of a remedy, in the unit of the number. */
function amountInWords(explanation: string): number {
  const [, value, unit = ""] = / to ([\d.]+) (\w+)/.exec(explanation) ?? [];
  const units: Readonly<Record<string, number>> = {
    ...{ core: 1000, cores: 1000, bytes: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 },
  };
  return value === undefined ? 0 : Math.round(Number(value) * (units[unit] ?? Number.NaN));
}
