import { withAsks } from "./asks.ts";
import { withCalmTasks } from "./calm-tasks.ts";
import { createDice, type Dice } from "./dice.ts";
import { commonFaultNames, type Fault, type FaultName, faults, type Target } from "./faults.ts";
import { withManagers } from "./many-managers.ts";
import type { FaultStep, OperatorStep, Plan, Step } from "./plan.ts";
import { anyFocus, type Focus } from "./random-focus.ts";
import { type Circumstances, lifeOf } from "./random-life.ts";
import { registryNames } from "./registries.ts";

/** A world, its users and its troubles, drawn from a seed. */
export function randomPlan(seed: number): Plan {
  const dice = createDice(seed);
  const focus = dice.chance(0.3) ? anyFocus(dice) : undefined;
  const workerCount = focus?.workerCount ?? (dice.chance(0.6) ? 3 : dice.between(1, 6));
  const troubleMs = anyTroubleMs(dice, focus);
  const taskCount = dice.between(5, 30);
  const names = Array.from({ length: taskCount }, (_, index) => `t${index + 1}`);
  const isHasty = focus?.isHasty ?? dice.chance(0.1);
  const userSteps = names.flatMap((task) => lifeOf(task, { dice, troubleMs, isHasty }));
  const kinds = focus?.kinds ?? dice.subset(commonFaultNames, dice.between(1, 8));
  const faultCount = dice.between(...(focus?.count ?? [1, 14]));
  const registryCount = anyRegistryCount(seed, focus);
  const registries = registryNames(registryCount);
  const world = { workerCount, names, focus, registries };
  const faultSteps = Array.from({ length: faultCount }, () =>
    anyFault(dice.any(kinds), { dice, troubleMs, world }),
  );
  const operatorSteps = dice.chance(0.35) ? operations({ dice, troubleMs, world }) : [];
  const steps: Step[] = [...userSteps, ...operatorSteps, ...faultSteps].sort(
    (a, b) => a.atMs - b.atMs,
  );
  const plan = { seed, workerCount, troubleMs, steps: withAsks(seed, steps) };
  return withManagers(withCalmTasks(registryCount === 1 ? plan : { ...plan, registryCount }));
}

/** Not from the sequence of all else: a seed with one registry stays what it was. */
const anyRegistryCount = (seed: number, focus: Focus | undefined): number =>
  !focus && createDice(seed ^ 0x2e9).chance(0.25) ? 2 : 1;

/** How long a task may be running before what is to befall it. */
const PEACE_MS = 15_000;

/** Most of what goes wrong does so within a minute. Long worlds are for budgets and windows. */
function anyTroubleMs(dice: Dice, focus: Focus | undefined): number {
  const anyMs = (dice.chance(0.85) ? dice.between(15, 60) : dice.between(60, 150)) * 1_000;
  return focus ? Math.max(anyMs, focus.leastMs + PEACE_MS) : anyMs;
}

type Surroundings = Circumstances &
  Readonly<{
    world: Readonly<{
      workerCount: number;
      names: readonly string[];
      focus: Focus | undefined;
      registries: readonly string[];
    }>;
  }>;

function anyFault(fault: FaultName, { dice, troubleMs, world }: Surroundings): FaultStep {
  const { target }: Fault = faults[fault];
  const leastMs = world.focus?.leastMs ?? 0;
  const atMs = dice.between(500, troubleMs - leastMs);
  const anyMs = Math.max(leastMs, dice.any([50, 500, 2_000, 8_000, 20_000, 45_000]));
  const forMs = Math.min(anyMs, troubleMs - atMs);
  return {
    ...{ do: "fault" as const, atMs, fault, forMs },
    ...placeOf(target, { dice, troubleMs, world }),
    level: Math.round(dice.random() * 100) / 100,
  };
}

/** Workers are paused, drained, and in the end all active again; now and then all is evened out. */
function operations({ dice, troubleMs, world }: Surroundings): readonly OperatorStep[] {
  const workers = workersOf(world);
  const changes = Array.from({ length: dice.between(1, 5) }, (): OperatorStep => {
    const atMs = dice.between(2_000, troubleMs);
    if (dice.chance(0.25)) return { atMs, do: "rebalance" };
    const to = dice.any(["PAUSED", "DRAINING", "DRAINING", "ACTIVE"] as const);
    return { atMs, do: "set-availability", worker: dice.any(workers), to };
  });
  const last = workers.map(
    (worker): OperatorStep => ({ atMs: troubleMs, do: "set-availability", worker, to: "ACTIVE" }),
  );
  return [...changes, ...last];
}

const workersOf = ({ workerCount }: Surroundings["world"]): readonly string[] =>
  Array.from({ length: workerCount }, (_, index) => `worker-${index + 1}`);

function placeOf(target: Target, { dice, world }: Surroundings): { on: string; to?: string } {
  const workers = workersOf(world);
  switch (target) {
    case "manager":
      return { on: "manager" };
    case "workers":
      return { on: "workers" };
    case "worker":
      return { on: dice.any(workers) };
    case "part":
      return {
        on: dice.any(world.focus?.machines ?? ["manager", ...world.registries, ...workers]),
      };
    case "task":
      return { on: dice.any(world.names) };
    case "pair": {
      const pair = world.focus?.pair ?? anyPair(dice, workers, world.registries);
      const [on, to] = dice.chance(0.5) ? pair : [pair[1], pair[0]];
      return { on, to };
    }
  }
}

/** Two machines that talk to each other. */
function anyPair(
  dice: Dice,
  workers: readonly string[],
  registries: readonly string[],
): readonly [string, string] {
  const worker = dice.any(workers);
  const [, second] = registries;
  if (second !== undefined && dice.chance(0.4))
    return dice.any([
      [second, worker],
      [second, "manager"],
      [second, "registry"],
    ] as const);
  return dice.any([
    ["manager", worker],
    ["manager", worker],
    ["registry", worker],
    ["registry", worker],
    ["manager", "registry"],
    ["manager", "user"],
  ] as const);
}
