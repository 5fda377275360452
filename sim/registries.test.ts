import { expect, jest, test } from "@jest/globals";
import { execute } from "./execute.ts";
import { completePlan, type FaultStep, type Step } from "./plan.ts";

// Minutes of simulated time, on machines that may be busy.
jest.setTimeout(120_000);

/** What is stopped when its worker hears from no registry, and what is not. */
const submits: readonly Step[] = [
  { do: "submit", atMs: 1_000, task: "stops", spec: specOf("ON_DISCONNECT_STOP") },
  { do: "submit", atMs: 1_000, task: "stays", spec: specOf("ON_DISCONNECT_KEEP_RUNNING") },
];

const FOR_MS = 20_000;
const troubles: readonly (readonly [string, string])[] = [
  ["crash", "registry"],
  ["power-loss", "registry-2"],
  ["freeze", "registry"],
  ["isolation", "registry-2"],
  ["restart", "registry"],
];
const faults = troubles.map(
  ([fault, on], i): FaultStep => ({
    ...{ do: "fault", fault, on, forMs: FOR_MS },
    atMs: 10_000 + 2 * FOR_MS * i,
  }),
);

test.each([1, 2, 3])(
  "one of two registries may go in any way: no worker is called down, nothing is stopped (seed %i)",
  async (seed) => {
    const plan = completePlan({ seed, registryCount: 2, steps: [...submits, ...faults] });
    const { violations, lines } = await execute(plan, true);
    expect(violations).toEqual([]);
    // One that is cut off believes what it likes: who counts on it hears of the other.
    const told = lines.filter((line) => /manager|worker-/.test(line.split("#")[0] ?? ""));
    expect(told.filter((line) => line.includes('"kind":20')).length).toBeGreaterThanOrEqual(3);
    expect(told.filter((line) => /"kind":30|lease lost/.test(line))).toEqual([]);
  },
);

function specOf(onDisconnect: string) {
  return { image: "web:1", onDisconnect };
}
