import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { createRanking } from "./ranking.ts";

test("names the best first, of equals the lowest name", () => {
  const ranking = createRanking();
  for (const [name, score] of [
    ["c", 1],
    ["a", 1],
    ["b", 2],
  ] as const)
    ranking.set(name, score);
  expect([...ranking.walk()]).toEqual(["b", "a", "c"]);
});

test("is what sorting would give, after any changes", () => {
  const change = fc.record({
    name: fc.integer({ min: 0, max: 30 }).map(String),
    score: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 150 }), (changes) => {
      const ranking = createRanking();
      const scores = new Map<string, number>();
      for (const { name, score } of changes) {
        if (score === undefined) {
          ranking.delete(name);
          scores.delete(name);
        } else {
          ranking.set(name, score);
          scores.set(name, score);
        }
      }
      const sorted = [...scores].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
      expect([...ranking.walk()]).toEqual(sorted.map(([name]) => name));
    }),
    { numRuns: 300 },
  );
});
