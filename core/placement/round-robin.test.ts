import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { createPlacer, type Placer } from "./place.ts";
import { roundRobin } from "./round-robin.ts";
import { demand, worker } from "./samples.ts";

function next(placer: Placer): string {
  const decision = placer.place(demand(), roundRobin);
  return decision.kind === "placed" ? decision.workerId : decision.explanation;
}

const take = (placer: Placer, count: number) =>
  Array.from({ length: count }, () => next(placer)).join(" ");

test("takes workers in the order of their IDs, round and round", () => {
  expect(take(createPlacer(["c", "a", "b"].map((id) => worker(id))), 7)).toBe("a b c a b c a");
});

test("skips a worker that is left out, and gives it the next turn, once, when it is back", () => {
  const placer = createPlacer(["a", "b", "c"].map((id) => worker(id)));
  expect(take(placer, 3)).toBe("a b c");
  placer.observe(worker("b", { ready: false }));
  expect(take(placer, 4)).toBe("a c a c");
  placer.observe(worker("b"));
  expect(take(placer, 4)).toBe("b a c b");
});

test("gives a new worker the next turn", () => {
  const placer = createPlacer([worker("a"), worker("b")]);
  expect(take(placer, 3)).toBe("a b a");
  placer.observe(worker("c"));
  expect(take(placer, 4)).toBe("c b a c");
});

test("is fair: no worker is ever two tasks ahead of another", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(60), (workerCount, taskCount) => {
      const ids = Array.from({ length: workerCount }, (_, index) => `w${index}`);
      const placer = createPlacer(ids.map((id) => worker(id)));
      take(placer, taskCount);
      const counts = ids.map((id) => placer.candidate(id)?.taskCount ?? 0);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }),
  );
});
