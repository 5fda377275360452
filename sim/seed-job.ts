import { execute, type Outcome } from "./execute.ts";
import type { Plan } from "./plan.ts";
import { randomPlan } from "./random-plan.ts";

/** One world to try: one drawn from a seed, or one that is known. */
export type SeedJob = Readonly<{
  /** For people: `seed 17`. */
  name: string;
  seed?: number;
  plan?: Plan;
  /** Whether to run it twice and compare. */
  isRepeated: boolean;
}>;

/** What came of it. Small enough to go from thread to thread by the thousand. */
export type SeedResult = Readonly<{
  name: string;
  plan: Plan;
  violations: readonly string[];
  hash: string;
  eventCount: number;
  virtualMs: number;
  isRepeated: boolean;
}>;

const planOf = ({ seed = 1, plan }: SeedJob): Plan => plan ?? randomPlan(seed);

/** Runs a world, and once more if wished: the same plan must give the same run. */
export async function runJob(job: SeedJob): Promise<SeedResult> {
  const plan = planOf(job);
  const outcome = await execute(plan);
  const { hash, eventCount, virtualMs } = outcome;
  const violations = [
    ...outcome.violations,
    ...(job.isRepeated ? await differs(plan, outcome) : []),
  ];
  const { name, isRepeated } = job;
  return { name, plan, violations, hash, eventCount, virtualMs, isRepeated };
}

async function differs(plan: Plan, { hash, eventCount }: Outcome): Promise<readonly string[]> {
  const again = await execute(plan);
  if (again.hash === hash && again.eventCount === eventCount) return [];
  return [`same-run: ${eventCount} events of ${hash}, then ${again.eventCount} of ${again.hash}`];
}
