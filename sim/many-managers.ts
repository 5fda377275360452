import { createDice, type Dice } from "./dice.ts";
import type { FaultName } from "./faults.ts";
import { managerNames } from "./managers.ts";
import { type FaultStep, LEADER, type Plan, type Step } from "./plan.ts";

/** One plan in so many has several managers. */
const PLANS = 8;

/**
 * Now and then several managers share a store: what befell one befalls any, and the store as well,
 * and some of it whoever leads.
 */
export function withManagers(plan: Plan): Plan {
  if (plan.seed % PLANS !== 0) return plan;
  // Dice of its own: what else the seed means stays the same.
  const dice = createDice(plan.seed ^ 0x5a3);
  const managerCount = dice.chance(0.7) ? 2 : 3;
  const names = managerNames(managerCount);
  const moved = plan.steps.map((step) => elsewhere(step, names, dice));
  const cuts = Array.from({ length: dice.between(0, 4) }, () => anyCut(plan, names, dice));
  const blows = Array.from({ length: dice.between(0, 3) }, () => anyBlow(plan, dice));
  const storeLagMs = dice.any([0, 0, 3, 300]);
  const steps = [...moved, ...cuts, ...blows].sort((a, b) => a.atMs - b.atMs);
  return { ...plan, managerCount, storeLagMs, steps };
}

function elsewhere(step: Step, names: readonly string[], dice: Dice): Step {
  if (step.do !== "fault") return step;
  const move = (machine: string) => (machine === "manager" ? dice.any(names) : machine);
  return { ...step, on: move(step.on), ...(step.to !== undefined && { to: move(step.to) }) };
}

const CUTS: readonly FaultName[] = ["store-cut", "store-away"];

function anyCut({ troubleMs }: Plan, names: readonly string[], dice: Dice): FaultStep {
  const atMs = dice.between(500, troubleMs);
  const forMs = Math.min(dice.any([50, 500, 1_900, 2_100, 8_000, 20_000]), troubleMs - atMs);
  return { do: "fault", atMs, fault: dice.any(CUTS), on: dice.any(names), forMs };
}

/** What befalls the one that leads. */
const BLOWS: readonly FaultName[] = ["crash", "freeze", "store-cut", "isolation", "power-loss"];

function anyBlow(plan: Plan, dice: Dice): FaultStep {
  const { troubleMs } = plan;
  const atMs = dice.between(500, troubleMs);
  const forMs = Math.min(dice.any([1_900, 2_100, 8_000, 30_000]), troubleMs - atMs);
  const kinds = isPunctual(plan) ? [...BLOWS, "clock-hour-back" as const] : BLOWS;
  return { do: "fault", atMs, fault: dice.any(kinds), on: LEADER, forMs };
}

/** Requests are remembered for 65 minutes by the calendar: calendars may not be further apart. */
const isPunctual = ({ steps }: Plan): boolean =>
  steps.every((step) => step.do !== "fault" || step.fault !== "clock-step");
