import { createDice, type Dice } from "./dice.ts";
import { type FaultName, sharedFaultNames } from "./faults.ts";
import { managerNames } from "./managers.ts";
import type { FaultStep, Plan, Step } from "./plan.ts";

/** One plan in so many has several managers. */
const PLANS = 8;

/** Now and then several managers share a store: what befell one befalls any, and the store as well. */
export function withManagers(plan: Plan): Plan {
  if (plan.seed % PLANS !== 0) return plan;
  // Dice of its own: what else the seed means stays the same.
  const dice = createDice(plan.seed ^ 0x5a3);
  const managerCount = dice.chance(0.7) ? 2 : 3;
  const names = managerNames(managerCount);
  const steps = plan.steps.map((step) => elsewhere(step, names, dice));
  const cuts = Array.from({ length: dice.between(0, 4) }, () => anyCut(plan, names, dice));
  return { ...plan, managerCount, steps: [...steps, ...cuts].sort((a, b) => a.atMs - b.atMs) };
}

function elsewhere(step: Step, names: readonly string[], dice: Dice): Step {
  if (step.do !== "fault") return step;
  const move = (machine: string) => (machine === "manager" ? dice.any(names) : machine);
  return { ...step, on: move(step.on), ...(step.to !== undefined && { to: move(step.to) }) };
}

function anyCut({ troubleMs }: Plan, names: readonly string[], dice: Dice): FaultStep {
  const atMs = dice.between(500, troubleMs);
  const forMs = Math.min(dice.any([50, 500, 1_900, 2_100, 8_000, 20_000]), troubleMs - atMs);
  const fault: FaultName = dice.any(sharedFaultNames);
  return { do: "fault", atMs, fault, on: dice.any(names), forMs };
}
