import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { createRanking, isBetter } from "./ranking.ts";

test("names the best first, of equals the lowest ID", () => {
  const ranking = createRanking();
  for (const [id, score] of [
    ["c", 1],
    ["a", 1],
    ["b", 2],
  ] as const)
    ranking.set(id, score);
  expect(ranking.best(2)).toEqual([
    { workerId: "b", score: 2 },
    { workerId: "a", score: 1 },
  ]);
});

test("is what sorting would give, after any changes", () => {
  const change = fc.record({
    id: fc.integer({ min: 0, max: 30 }).map(String),
    score: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 150 }), fc.nat(40), (changes, count) => {
      const ranking = createRanking();
      const scores = new Map<string, number>();
      for (const { id, score } of changes) {
        if (score === undefined) {
          ranking.delete(id);
          scores.delete(id);
        } else {
          ranking.set(id, score);
          scores.set(id, score);
        }
      }
      const sorted = [...scores]
        .map(([workerId, score]) => ({ workerId, score }))
        .sort((a, b) => (isBetter(a, b) ? -1 : 1));
      expect(ranking.best(count)).toEqual(sorted.slice(0, count));
    }),
    { numRuns: 300 },
  );
});
