import { execute } from "./execute.ts";
import type { Plan, Step } from "./plan.ts";

/** How many runs a shorter plan may cost. */
const RUNS_MAX = 300;

/**
 * A plan with fewer steps that violates the same invariant: drops as many of the steps at once
 * as it can, then fewer, down to one at a time.
 */
export async function shrink(plan: Plan, violation: string): Promise<Plan> {
  const wanted = gistOf(violation);
  let runCount = 0;
  let shortest = plan;

  async function fails(candidate: Plan): Promise<boolean> {
    runCount++;
    const { violations } = await execute(candidate);
    return violations.some((found) => gistOf(found) === wanted);
  }

  /** Tries to do without each run of `size` steps. Whether any could go. */
  async function dropRuns(size: number): Promise<boolean> {
    let hasDropped = false;
    for (let at = 0; at < shortest.steps.length && runCount < RUNS_MAX; ) {
      const steps = settled(without(shortest.steps, at, size), plan);
      const candidate = { ...shortest, steps };
      if (await fails(candidate)) {
        shortest = candidate;
        hasDropped = true;
      } else at += size;
    }
    return hasDropped;
  }

  for (let size = Math.ceil(plan.steps.length / 2); size >= 1 && runCount < RUNS_MAX; ) {
    const hasDropped = await dropRuns(size);
    if (size === 1 && !hasDropped) break;
    if (size > 1) size = Math.ceil(size / 2);
  }
  return shortest;
}

/**
 * Steps without those of tasks that were stopped when all trouble was over and are not any more: they
 * might be restarted for ever, and fail to come right for that reason alone.
 */
function settled(steps: readonly Step[], { steps: all, troubleMs }: Plan): readonly Step[] {
  const stoppedIn = (some: readonly Step[]) =>
    new Set(
      some.flatMap((step) => (step.do === "stop" && step.atMs >= troubleMs ? step.task : [])),
    );
  const before = stoppedIn(all);
  const after = stoppedIn(steps);
  return steps.filter(
    (step) => !("task" in step) || !before.has(step.task) || after.has(step.task),
  );
}

/** A violation without its particulars: a plan may fail in more than one way. */
const gistOf = (violation: string): string =>
  violation.replace(/\bt\d+\b|worker-\d+|web:\S+|\d+/g, "_");

const without = (steps: readonly Step[], at: number, count: number): readonly Step[] => [
  ...steps.slice(0, at),
  ...steps.slice(at + count),
];
