import { describe, expect, jest, test } from "@jest/globals";
import { execute } from "./execute.ts";
import { faultNames } from "./faults.ts";
import { pastFailures } from "./past-failures.ts";
import { completePlan, type Plan } from "./plan.ts";
import { randomPlan } from "./random-plan.ts";
import { shrink } from "./shrink.ts";

// Hours of simulated time, on machines that may be busy.
jest.setTimeout(120_000);

const web = { image: "web:1" };

test("a task that is submitted runs, and stays", async () => {
  const plan = completePlan({ steps: [{ atMs: 1_000, do: "submit", task: "t1", spec: web }] });
  const { violations, virtualMs } = await execute(plan);
  expect(violations).toEqual([]);
  expect(virtualMs).toBeGreaterThan(15_000);
});

test.each([1, 2])("seed %i keeps every promise", async (seed) => {
  expect((await execute(randomPlan(seed))).violations).toEqual([]);
});

test.each(pastFailures)("$name stays fixed", async ({ plan, seed = 1 }) => {
  expect((await execute(plan ?? randomPlan(seed))).violations).toEqual([]);
});

test("the same plan gives the same run, told or not", async () => {
  const plan = randomPlan(5);
  const [first, again] = [await execute(plan), await execute(plan, true)];
  expect(again.hash).toBe(first.hash);
  expect(again.eventCount).toBe(first.eventCount);
  expect((await execute({ ...plan, seed: 6 })).hash).not.toBe(first.hash);
});

test("a few hundred seeds meet every kind of fault", () => {
  const plans = Array.from({ length: 300 }, (_, seed) => randomPlan(seed));
  const met = new Set(
    plans.flatMap(({ steps }) => steps.flatMap((it) => (it.do === "fault" ? [it.fault] : []))),
  );
  expect([...met].sort()).toEqual([...faultNames].sort());
});

describe("a plan that cannot come right", () => {
  const doomed: Plan = completePlan({
    steps: [
      { atMs: 1_000, do: "submit", task: "t1", spec: web },
      // Its container can not even be killed, so its stop never ends.
      { atMs: 2_000, do: "submit", task: "t3", spec: { image: "web:survives" } },
      { atMs: 4_000, do: "stop", task: "t3" },
    ],
  });

  test("fails and says why", async () => {
    const { violations, lines } = await execute(doomed, true);
    expect(violations[0]).toBe("converges: t3 was stopped and is stopping");
    expect(lines.join("\n")).toContain("VIOLATION");
  });

  test("is shortened to what matters", async () => {
    const { steps } = await shrink(doomed, "converges: t3 was stopped and is stopping");
    expect(steps.map(({ atMs }) => atMs)).toEqual([2_000, 4_000]);
  });
});

test("a plan with an unknown fault is refused", async () => {
  const steps = [{ do: "fault", atMs: 0, fault: "gremlins", on: "manager" }] as const;
  await expect(execute(completePlan({ steps }))).rejects.toThrow("there is no fault gremlins");
});
