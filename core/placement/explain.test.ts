import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { book } from "./booking.ts";
import type { Demand } from "./demand.ts";
import { type Appraisal, countExclusions, objectionsOf, type Past } from "./explain.ts";
import { createPlacer, type Placer } from "./place.ts";
import { isBetter } from "./ranked.ts";
import { roundRobin } from "./round-robin.ts";
import { amount, anyDemand, anyWorker, demand, worker } from "./samples.ts";
import type { Scheduler } from "./scheduler.ts";
import { spread } from "./spread.ts";
import { createKind } from "./task-kind.ts";
import { NO_WISHES } from "./wishes.ts";

const told = (appraisal: Appraisal, asked: Demand) =>
  appraisal.kind === "excluded"
    ? objectionsOf(appraisal, asked)
    : [appraisal.kind, appraisal.score];

/** What an explanation says of each worker. */
const explained = (placer: Placer, asked: Demand, scheduler: Scheduler, past?: Past) =>
  placer
    .explain(asked, scheduler, past)
    .map((appraisal) => [appraisal.candidate.workerId, told(appraisal, asked)]);

test("an explanation gives every worker in the order of IDs, with all that speaks against it", () => {
  const placer = createPlacer([
    worker("b"),
    worker("a", { ready: false, notReadyReason: "lease expired", reserved: amount(4000, 8064) }),
  ]);
  expect(explained(placer, demand({ amount: amount(500, 512) }), roundRobin)).toEqual([
    [
      "a",
      [
        { filter: "ready", explanation: "not ready: lease expired" },
        { filter: "cpu", explanation: "cpu: needs 0.5 cores, 0 cores free" },
        { filter: "memory", explanation: "memory: needs 512 MiB, 128 MiB free" },
      ],
    ],
    ["b", ["fits", 0]],
  ]);
});

test("a worker is judged without what the task itself has there", () => {
  const placer = createPlacer([worker("a"), worker("b")]);
  const big = demand({ amount: amount(4000), hostPorts: ["tcp/80"] });
  placer.book("a", big);
  const [bare] = explained(placer, big, spread);
  expect(bare).toMatchObject(["a", [{ filter: "ports" }, { filter: "cpu" }]]);
  const booked = [{ workerId: "a", demand: big }];
  const [mine, other] = explained(placer, big, spread, { wishes: NO_WISHES, booked });
  expect(mine?.[1]).toEqual(other?.[1]);
});

test("what is counted over the fleet is told, without what the task itself has there", () => {
  const inZone = (workerId: string, zone: string) => worker(workerId, { labels: { zone } });
  const placer = createPlacer([inZone("a", "1"), inZone("b", "2"), worker("c")]);
  const web = demand({ spreads: [{ key: "zone", maxSkew: 1 }], kind: createKind("web", {}) });
  placer.book("a", web);
  const words = "spread: zone=1 has 1 task of the name web, another only 0, and may be ahead by 1";
  const lacking = ["c", [{ filter: "spread", explanation: "spread: has no zone" }]];
  expect(explained(placer, web, roundRobin)).toEqual([
    ["a", [{ filter: "spread", explanation: words }]],
    ["b", ["fits", 0]],
    lacking,
  ]);
  const booked = [{ workerId: "a", demand: web }];
  expect(explained(placer, web, roundRobin, { wishes: NO_WISHES, booked })).toEqual([
    ["a", ["fits", 0]],
    ["b", ["fits", 0]],
    lacking,
  ]);
});

describe("a task's past", () => {
  const placer = createPlacer(["a", "b", "c", "d"].map((id) => worker(id)));
  const wishes = { prefer: "b", avoid: new Set(["c"]), exclude: new Set(["d"]) };

  test("sets workers apart that it prefers, avoids, or that refused it", () => {
    const appraisals = placer.explain(demand(), spread, { wishes, booked: [] });
    expect(appraisals.map(({ kind }) => kind)).toEqual([
      "fits",
      "preferred",
      "avoided",
      "excluded",
    ]);
    expect(explained(placer, demand(), spread, { wishes, booked: [] })[3]).toEqual([
      "d",
      [{ filter: "refused", explanation: "refused: it has refused the task" }],
    ]);
  });

  test("is counted among what excludes workers, after the filters", () => {
    const appraisals = placer.explain(demand({ capabilities: ["network-host"] }), spread, {
      wishes,
      booked: [],
    });
    expect(countExclusions(appraisals, { scheduler: spread, demand: demand() })).toMatchObject([
      { filter: "capability", workerCount: 4 },
    ]);
  });
});

/** Workers with a few tasks, fit or not. */
const anyFleet = () =>
  fc.uniqueArray(
    fc
      .tuple(anyWorker(), fc.array(anyDemand(), { maxLength: 3 }))
      .map(([empty, promised]) => promised.reduce((worker, each) => book(worker, each), empty)),
    { selector: ({ workerId }) => workerId },
  );

test("an explanation counts what a placement would, and changes no placement", () => {
  fc.assert(
    fc.property(anyFleet(), anyDemand(), fc.boolean(), (fleet, asked, isInTurn) => {
      const scheduler = isInTurn ? roundRobin : spread;
      const [asker, other] = [createPlacer(fleet), createPlacer(fleet)];
      for (let round = 0; round < 4; round++) {
        const exclusions = countExclusions(asker.explain(asked, scheduler), {
          scheduler,
          demand: asked,
        });
        const decision = asker.place(asked, scheduler);
        expect(exclusions).toEqual(decision.exclusions);
        expect(decision).toEqual(other.place(asked, scheduler));
      }
    }),
  );
});

test("the best of an explanation is what a placement chooses", () => {
  fc.assert(
    fc.property(anyFleet(), anyDemand(), (fleet, asked) => {
      const placer = createPlacer(fleet);
      const [best] = placer
        .explain(asked, spread)
        .flatMap((each) => (each.kind === "excluded" ? [] : [each]))
        .map(({ candidate, ...worth }) => ({ workerId: candidate.workerId, ...worth }))
        .sort((a, b) => (isBetter(a, b) ? -1 : 1));
      const decision = placer.place(asked, spread);
      expect(best?.workerId).toBe(decision.kind === "placed" ? decision.workerId : undefined);
    }),
  );
});
