import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Candidate } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import { greedy } from "./greedy.ts";
import { createPlacer, type Placer } from "./place.ts";
import { amount, demand, metrics, worker } from "./samples.ts";

const place = (placer: Placer, asked: Demand = demand()): string => {
  const decision = placer.place(asked, greedy);
  return decision.kind === "placed" ? decision.workerId : decision.explanation;
};

const choose = (...changes: Partial<Candidate>[]) =>
  place(createPlacer(changes.map((each, index) => worker("abc"[index] ?? "", each))));

test("takes the worker whose CPU was measured to be least busy", () => {
  expect(choose({ metrics: metrics(60) }, { metrics: metrics(20) }, { metrics: metrics(40) })).toBe(
    "b",
  );
});

test("sees that a worker has become less busy, which changes nothing else of it", () => {
  const workers = ["a", "b", "c", "d", "e"].map((id) => worker(id, { metrics: metrics(50) }));
  const busy = worker("f", { metrics: metrics(90) });
  const placer = createPlacer([...workers, busy]);
  expect([place(placer), place(placer)]).toEqual(["a", "a"]);
  placer.observe({ ...busy, metrics: metrics(20) });
  expect(place(placer, demand({ amount: amount(1) }))).toBe("f");
});

test("does not care about memory", () => {
  expect(choose({ metrics: metrics(20, 8000) }, { metrics: metrics(30, 0) })).toBe("a");
});

test("counts what is promised and not yet used", () => {
  const promised = { metrics: metrics(0), reserved: amount(2000) };
  expect(choose(promised, { metrics: metrics(40) })).toBe("b");
  expect(choose(promised, { metrics: metrics(60) })).toBe("a");
});

test("counts what is promised on a worker that was not measured", () => {
  expect(choose({ reserved: amount(2000) }, { metrics: metrics(40) })).toBe("b");
  expect(choose({ metrics: metrics(40) }, {})).toBe("b");
});

test("does not send all that comes between two heartbeats to one worker", () => {
  const placer = createPlacer(["a", "b"].map((id) => worker(id, { metrics: metrics(1) })));
  const counts = new Map<string, number>();
  for (let i = 0; i < 20; i++) {
    const workerId = place(placer);
    counts.set(workerId, (counts.get(workerId) ?? 0) + 1);
  }
  expect([...counts.values()]).toEqual([10, 10]);
});

test("heeds new measurements, also of a demand that was asked for before", () => {
  const idle = { metrics: metrics(5) };
  const placer = createPlacer([worker("a", idle), worker("b", idle)]);
  for (let i = 0; i < 4; i++) place(placer);
  placer.observe(worker("a", { metrics: metrics(90) }));
  expect([place(placer), place(placer)]).toEqual(["b", "b"]);
  placer.observe(worker("a", idle));
  placer.observe(worker("b", { metrics: metrics(90) }));
  expect([place(placer), place(placer)]).toEqual(["a", "a"]);
});

test("never takes the busier of two workers that are equal but for one kind of load", () => {
  const percent = () => fc.integer({ min: 0, max: 100 });
  fc.assert(
    fc.property(percent(), percent(), percent(), (one, other, shared) => {
      const [less, more] = [Math.min(one, other), Math.max(one, other)];
      const reserved = amount(shared * 20);
      const byUse = [more, less].map((used) => ({ metrics: metrics(used), reserved }));
      const byPromise = [more, less].map((millis) => ({
        metrics: metrics(shared),
        reserved: amount(millis * 20),
      }));
      for (const pair of [byUse, byPromise]) {
        const [busier, idler] = pair.map((changes) =>
          greedy.score(worker("a", changes), demand(), { lastChosen: 0 }),
        );
        expect(idler).toBeGreaterThanOrEqual(busier ?? 0);
      }
    }),
  );
});
