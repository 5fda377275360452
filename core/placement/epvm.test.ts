import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Candidate } from "./candidate.ts";
import { epvm } from "./epvm.ts";
import { createPlacer } from "./place.ts";
import { amount, demand, metrics, worker } from "./samples.ts";

const cost = (candidate: Candidate, asked = demand()) =>
  0 - epvm.score(candidate, asked, { lastChosen: 0 });

describe("what was published", () => {
  const KIB = 1024;
  const total = 16_000_000 * KIB;
  const asked = demand({ amount: { cpuMillis: 0, memoryBytes: 268_435 * KIB, diskBytes: 0 } });

  /** A worker's room for tasks is its tenths of a core, where it has memory enough. */
  const machine = (tasksMax: number, taskCount: number, usedKib: number) =>
    worker("a", {
      capacity: { cpuMillis: tasksMax * 100, memoryBytes: total, diskBytes: 0 },
      metrics: {
        cpuPercent: 37,
        memoryTotalBytes: total,
        memoryAvailableBytes: total - usedKib * KIB,
      },
      taskCount,
    });

  test.each([
    [4_000_000, 4, 0, 0.2359235887],
    [4_000_000, 4, 3, 0.3229894253],
    [4_000_000, 2, 0, 0.4897066796],
    [12_000_000, 4, 0, 0.2378726094],
  ])(
    "holds: %d kB used, room for %d tasks of which it has %d, costs %d",
    (used, j, k, published) => {
      expect(cost(machine(j, k, used), asked)).toBeCloseTo(published, 10);
    },
  );
});

describe("the formula", () => {
  const B = Number("1.53960071783900203869");
  const expected = (cpu: number, memory: number, k: number, j: number) =>
    B ** (cpu + 0.25) -
    B ** cpu +
    (B ** (memory + 0.5) - B ** memory) +
    2 * (B ** ((k + 1) / j) - B ** (k / j));
  const asked = demand({ amount: amount(1000, 4096) });

  test.each([
    ["as promised, when nothing is measured", {}, [0.25, 0.125]],
    ["as promised, when less is measured", { metrics: metrics(10, 512) }, [0.25, 0.125]],
    ["as measured, when less is promised", { metrics: metrics(70, 2048) }, [0.7, 0.25]],
    ["each its own", { metrics: metrics(70, 512) }, [0.7, 0.125]],
  ])("counts CPU and memory %s", (_, changes, [cpu = 0, memory = 0]) => {
    const busy = worker("a", { reserved: amount(1000, 1024), taskCount: 3, ...changes });
    expect(cost(busy, asked)).toBeCloseTo(expected(cpu, memory, 3, 40), 12);
  });
});

test("CPU counts: a task that needs some goes where more of it is left, measured or promised", () => {
  const asked = demand({ amount: amount(1000) });
  const choose = (...changes: Partial<Candidate>[]) =>
    createPlacer(changes.map((each, i) => worker("ab"[i] ?? "", each))).place(asked, epvm);
  expect(choose({ metrics: metrics(80) }, { metrics: metrics(10) })).toMatchObject({
    workerId: "b",
  });
  expect(choose({ reserved: amount(2000) }, { reserved: amount(500) })).toMatchObject({
    workerId: "b",
  });
  expect(
    choose({ metrics: metrics(0), reserved: amount(2000) }, { metrics: metrics(40) }),
  ).toMatchObject({ workerId: "b" });
});

test("a task that needs no CPU does not care how busy it is", () => {
  const asked = demand({ amount: amount(0, 512) });
  const costs = [0, 90].map((percent) => cost(worker("a", { metrics: metrics(percent) }), asked));
  expect(costs[0]).toBe(costs[1]);
});

test("tasks that reserve nothing are spread by their number", () => {
  const placer = createPlacer(["a", "b"].map((id) => worker(id)));
  for (let i = 0; i < 20; i++) placer.place(demand(), epvm);
  expect(["a", "b"].map((id) => placer.candidate(id)?.taskCount)).toEqual([10, 10]);
});

test("never takes the more loaded of two workers that are equal but for what runs there", () => {
  const share = () => fc.integer({ min: 0, max: 40 });
  const anyLoad = fc.record({
    cpu: share(),
    memory: share(),
    used: share(),
    taskCount: fc.nat(80),
  });
  const loaded = (cpu: number, memory: number, used: number, taskCount: number) =>
    worker("a", {
      reserved: amount(cpu * 40, memory * 80),
      metrics: metrics(used, used * 80),
      taskCount,
    });
  fc.assert(
    fc.property(anyLoad, anyLoad, fc.boolean(), (less, extra, needsCpu) => {
      const { cpu, memory, used, taskCount } = less;
      const lighter = loaded(cpu, memory, used, taskCount);
      const heavier = loaded(
        cpu + extra.cpu,
        memory + extra.memory,
        used + extra.used,
        taskCount + extra.taskCount + 1,
      );
      const asked = demand({ amount: needsCpu ? amount(500, 100) : amount() });
      expect(cost(lighter, asked)).toBeLessThan(cost(heavier, asked));
    }),
  );
});
