import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { createPlacer } from "./place.ts";
import { amount, demand, worker } from "./samples.ts";
import { spread } from "./spread.ts";

const context = { lastChosen: 0 };
const score = (changes: Parameters<typeof worker>[1]) =>
  spread.score(worker("a", changes), demand(), context);

test("prefers the worker with fewer tasks", () => {
  expect(score({ taskCount: 1 })).toBeGreaterThan(score({ taskCount: 2 }));
});

test("prefers the worker with less reserved", () => {
  expect(score({ reserved: amount(500) })).toBeGreaterThan(score({ reserved: amount(501) }));
  expect(score({ reserved: amount(0, 1) })).toBeGreaterThan(score({ reserved: amount(0, 2) }));
});

test("prefers the bigger of two workers with as many tasks", () => {
  const tasks = { taskCount: 3 };
  expect(score({ ...tasks, capacity: amount(8000, 8192) })).toBeGreaterThan(score(tasks));
});

test("gives a number also to a worker that offers nothing", () => {
  expect(Number.isFinite(score({ capacity: amount() }))).toBe(true);
});

test("keeps equal workers equally full of equal tasks", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.nat(100),
      fc.constantFrom(0, 10),
      (workerCount, taskCount, cpuMillis) => {
        const ids = Array.from({ length: workerCount }, (_, index) => `w${index}`);
        const placer = createPlacer(ids.map((id) => worker(id)));
        for (let i = 0; i < taskCount; i++) {
          placer.place(demand({ amount: amount(cpuMillis) }), spread);
        }
        const counts = ids.map((id) => placer.candidate(id)?.taskCount ?? 0);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(taskCount);
      },
    ),
  );
});

test("gives a worker of twice the size twice the tasks", () => {
  const placer = createPlacer([
    worker("big", { capacity: amount(8000, 16_384) }),
    worker("small", { capacity: amount(4000, 8192) }),
  ]);
  for (let i = 0; i < 30; i++) placer.place(demand(), spread);
  expect([placer.candidate("big")?.taskCount, placer.candidate("small")?.taskCount]).toEqual([
    20, 10,
  ]);
});
