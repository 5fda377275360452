import { expect, test } from "@jest/globals";
import { randomPlan } from "./random-plan.ts";
import { readPlan } from "./read-plan.ts";

test("what a seed gives can be read", () => {
  for (let seed = 0; seed < 50; seed++) {
    const plan = randomPlan(seed);
    expect(readPlan(JSON.parse(JSON.stringify(plan)))).toEqual({ kind: "read", plan });
  }
});

test("what is left out has a default", () => {
  const steps = [{ do: "fault", atMs: 1_000, fault: "crash", on: "worker-2", forMs: 500 }];
  expect(readPlan({ steps })).toEqual({
    kind: "read",
    plan: { seed: 1, workerCount: 3, troubleMs: 1_500, steps },
  });
});

test.each<[string, unknown, string]>([
  ["no object", 3, "a plan is an object"],
  ["no steps", { steps: 3 }, "a list of `steps`"],
  ["too many workers", { workerCount: 99, steps: [] }, "workerCount is not 1 to 50"],
  ["no registries", { registryCount: 0, steps: [] }, "registryCount is not 1 to 5"],
  ["a step of no kind", { steps: [{ atMs: 1, do: "wish" }] }, 'step 1: do is "wish": must be one'],
  ["no time", { steps: [{ do: "rebalance" }] }, "step 1: atMs is not a number"],
  ["a bad spec", { steps: [{ atMs: 1, do: "submit", task: "t", spec: { no: 1 } }] }, "spec: "],
  [
    "no number of calls",
    { steps: [{ atMs: 1, do: "submit", task: "t", spec: {}, calls: "3" }] },
    'calls is "3": must be a whole number from 1 to 100',
  ],
  ["no task", { steps: [{ atMs: 1, do: "stop" }] }, "task is not the name of a task"],
  [
    "an unknown fault",
    { steps: [{ atMs: 1, do: "fault", fault: "gremlins", on: "x" }] },
    'fault is "gremlins": must be one of crash,',
  ],
  [
    "half a pair",
    { steps: [{ atMs: 1, do: "fault", fault: "reset", on: "manager" }] },
    "to is undefined: must be one of manager, registry, worker-1,",
  ],
])("%s is refused by name", (_name, data, problem) => {
  const reading = readPlan(data);
  expect(reading.kind === "refused" && reading.problems.join("\n")).toContain(problem);
});

test("a fault may befall whoever leads, where several managers are", () => {
  const steps = [{ atMs: 1, do: "fault", fault: "freeze", on: "leader", forMs: 500 }];
  expect(readPlan({ steps, managerCount: 2 }).kind).toBe("read");
  expect(readPlan({ steps }).kind).toBe("refused");
});
