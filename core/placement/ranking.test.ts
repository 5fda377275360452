import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { createRanking, isBetter, type Worth } from "./ranking.ts";

test("names the best first, of equals the lowest ID", () => {
  const ranking = createRanking();
  for (const [id, score] of [
    ["c", 1],
    ["a", 1],
    ["b", 2],
  ] as const)
    ranking.set(id, { affinity: 0, score });
  expect(ranking.best(2)).toEqual([
    { workerId: "b", lead: 0, affinity: 0, score: 2 },
    { workerId: "a", lead: 0, affinity: 0, score: 1 },
  ]);
});

test("is what sorting would give, after any changes", () => {
  const change = fc.record({
    id: fc.integer({ min: 0, max: 30 }).map(String),
    worth: fc.option(
      fc.record({
        affinity: fc.constantFrom(-10, 0, 0, 10),
        score: fc.integer({ min: 0, max: 5 }),
      }),
      { nil: undefined },
    ),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 150 }), fc.nat(40), (changes, count) => {
      const ranking = createRanking();
      const worths = new Map<string, Worth>();
      for (const { id, worth } of changes) {
        if (worth === undefined) {
          ranking.delete(id);
          worths.delete(id);
        } else {
          ranking.set(id, worth);
          worths.set(id, worth);
        }
      }
      const sorted = [...worths]
        .map(([workerId, worth]) => ({ workerId, lead: 0, ...worth }))
        .sort((a, b) => (isBetter(a, b) ? -1 : 1));
      expect(ranking.best(count)).toEqual(sorted.slice(0, count));
    }),
    { numRuns: 300 },
  );
});
