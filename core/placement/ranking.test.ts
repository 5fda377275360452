import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { createRanking, type Entry } from "./ranking.ts";

type Named = Entry & { readonly name: string };

const named = (name: string, score: number): Named => ({ name, score, position: 0 });

test("shows the best first, as far as it is asked to", () => {
  const ranking = createRanking<Named>();
  for (const entry of [named("b", 2), named("c", 1), named("a", 3)]) ranking.add(entry);
  const seen: string[] = [];
  ranking.walk(({ name }) => seen.push(name) < 2);
  expect([seen, ranking.best()?.name]).toEqual([["a", "b"], "a"]);
});

test("is what sorting would give, after any changes", () => {
  const change = fc.record({
    name: fc.integer({ min: 0, max: 30 }).map(String),
    score: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 150 }), (changes) => {
      const ranking = createRanking<Named>();
      const entries = new Map<string, Named>();
      for (const { name, score } of changes) {
        const known = entries.get(name);
        if (score === undefined) {
          if (known) ranking.delete(known);
          entries.delete(name);
        } else if (known) ranking.setScore(known, score);
        else {
          const entry = named(name, score);
          entries.set(name, entry);
          ranking.add(entry);
        }
      }
      const shown: Named[] = [];
      ranking.walk((entry) => shown.push(entry) > 0);
      const scores = [...entries.values()].map(({ score }) => score);
      expect(shown.map(({ score }) => score)).toEqual(scores.sort((a, b) => b - a));
      expect(new Set(shown)).toEqual(new Set(entries.values()));
    }),
    { numRuns: 300 },
  );
});
