import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { binpack } from "./binpack.ts";
import type { Candidate } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import { createPlacer, type Placer } from "./place.ts";
import { amount, demand, worker } from "./samples.ts";

const score = (changes: Partial<Candidate>, asked: Demand) =>
  binpack.score(worker("a", changes), asked, { lastChosen: 0 });

const place = (placer: Placer, asked: Demand): string => {
  const decision = placer.place(asked, binpack);
  return decision.kind === "placed" ? decision.workerId : decision.explanation;
};

/** How many tasks each worker got, in the order of the IDs. */
const fill = (ids: readonly string[], count: number, asked: Demand) => {
  const placer = createPlacer(ids.map((id) => worker(id)));
  for (let i = 0; i < count; i++) place(placer, asked);
  return ids.map((id) => placer.candidate(id)?.taskCount);
};

describe("tasks with reservations", () => {
  test("fill one worker before the next is begun", () => {
    expect(fill(["a", "b", "c"], 10, demand({ amount: amount(1000, 2048) }))).toEqual([4, 4, 2]);
  });

  test("fill a worker to the last byte, although they weigh something beside", () => {
    expect(fill(["a", "b"], 256, demand({ amount: amount(0, 32) }))).toEqual([256, 0]);
  });

  test("go to the smaller of two idle workers: there they leave less over", () => {
    const placer = createPlacer([
      worker("a", { capacity: amount(16_000, 32_768) }),
      worker("b", { capacity: amount(2000, 4096) }),
    ]);
    expect(place(placer, demand({ amount: amount(1000, 1024) }))).toBe("b");
  });

  test("go to the worker that they leave evenly full, of two that are as full in sum", () => {
    const even = { reserved: amount(2000, 4096), taskCount: 2 };
    const lopsided = { reserved: amount(0, 8192), taskCount: 2 };
    const asked = demand({ amount: amount(100) });
    expect(score(even, asked)).toBeGreaterThan(score(lopsided, asked));
  });

  test("score between an idle worker's 0 and a full one's 1", () => {
    const least = demand({ amount: amount(1, 1) });
    expect(score({ capacity: amount(2 ** 40, 2 ** 30) }, least)).toBeCloseTo(0);
    const full = { reserved: amount(3900 - 100, 8192 - 201), taskCount: 0 };
    expect(score(full, demand({ amount: amount(100, 1) }))).toBeCloseTo(1);
  });
});

describe("tasks that reserve nothing", () => {
  test("fill a worker by their weight, 0.1 cores and 200 MiB, before the next is begun", () => {
    expect(fill(["a", "b", "c"], 70, demand())).toEqual([40, 30, 0]);
  });

  test("are not heaped onto one worker when all are full", () => {
    expect(fill(["a", "b"], 120, demand())).toEqual([60, 60]);
  });

  test("count for those that reserve something", () => {
    const asked = demand({ amount: amount(500, 512) });
    expect(score({ taskCount: 3 }, asked)).toBeGreaterThan(score({ taskCount: 2 }, asked));
  });
});

test("never picks the emptier of two workers that are equal but for what runs there", () => {
  const anyLoad = fc.record({
    cpu: fc.integer({ min: 0, max: 40 }),
    memory: fc.integer({ min: 0, max: 40 }),
    taskCount: fc.nat(10),
  });
  fc.assert(
    fc.property(anyLoad, anyLoad, fc.boolean(), (load, more, swap) => {
      const holding = (cpu: number, memory: number, taskCount: number) => ({
        reserved: amount(cpu * 25, memory * 25),
        taskCount,
      });
      const { cpu, memory, taskCount } = load;
      const extra = { ...more, taskCount: more.taskCount + 1 };
      const fuller = holding(cpu + extra.cpu, memory + extra.memory, taskCount + extra.taskCount);
      const ids = swap ? ["a", "b"] : ["b", "a"];
      const placer = createPlacer([
        worker(ids[0] ?? "", holding(cpu, memory, taskCount)),
        worker(ids[1] ?? "", fuller),
      ]);
      expect(place(placer, demand({ amount: amount(100, 64) }))).toBe(ids[1]);
    }),
  );
});

test("does not care what is measured", () => {
  const idle = worker("a");
  const busy = {
    ...idle,
    metrics: { cpuPercent: 99, memoryTotalBytes: 1, memoryAvailableBytes: 0 },
  };
  const scores = [idle, busy].map((each) => binpack.score(each, demand(), { lastChosen: 0 }));
  expect(scores[0]).toBe(scores[1]);
});
