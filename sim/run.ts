import type { Clock } from "../lib/clock.ts";
import { execute } from "./execute.ts";
import { pastFailures } from "./past-failures.ts";
import type { Plan } from "./plan.ts";
import type { SeedJob, SeedResult } from "./seed-job.ts";
import { runPool } from "./seed-pool.ts";
import { shrink } from "./shrink.ts";

export { randomPlan } from "./random-plan.ts";
export { readPlan } from "./read-plan.ts";

export type SimulationOptions = Readonly<{
  /** The first seed, and how many. */
  from: number;
  count: number;
  threadCount: number;
  /** Whether to end at the first failure. */
  isHasty: boolean;
  clock: Clock;
  /** Prints a line. */
  print: (line: string) => void;
  signal: AbortSignal;
}>;

/** One in so many seeds is run twice, and the two runs are compared. */
const REPEAT_EVERY = 100;

/** How many failures are told in full. */
const TOLD_MAX = 3;

/** Runs many worlds and tells how they went. Resolves with how many failed. */
export async function simulate(options: SimulationOptions): Promise<number> {
  const { clock, print, isHasty, signal } = options;
  const startMs = clock.monotonic();
  const results: SeedResult[] = [];
  const failed: SeedResult[] = [];
  const enough = new AbortController();
  await runPool(jobsOf(options), {
    threadCount: options.threadCount,
    signal: AbortSignal.any([signal, enough.signal]),
    onResult(result) {
      results.push(result);
      if (result.violations.length === 0) return;
      failed.push(result);
      print(`${result.name} failed: ${result.violations[0]}`);
      if (isHasty) enough.abort("one is enough");
    },
  });
  const elapsedMs = clock.monotonic() - startMs;
  if (!isHasty) for (const result of failed.slice(0, TOLD_MAX)) await tell(result, print);
  print(summaryOf(results, failed.length, elapsedMs));
  return failed.length;
}

function* jobsOf({ from, count, isHasty }: SimulationOptions): Generator<SeedJob> {
  if (!isHasty) yield* pastFailures;
  for (let seed = from; seed < from + count; seed++)
    yield { name: `seed ${seed}`, seed, isRepeated: seed % REPEAT_EVERY === 0 };
}

/** How much of a failure's story is printed. */
const LINES_MAX = 120;

/** Prints the shortest plan that fails as a known one did, and its story. */
async function tell(result: SeedResult, print: (line: string) => void): Promise<void> {
  const [violation = ""] = result.violations;
  const plan = await shrink(result.plan, violation);
  print(
    `\n${result.name}, shortened from ${result.plan.steps.length} steps to ${plan.steps.length}:`,
  );
  print(JSON.stringify(plan));
  await tellPlan(plan, print);
}

/** Runs one plan and prints what happened. Resolves with how many invariants were violated. */
export async function tellPlan(
  plan: Plan,
  print: (line: string) => void,
  linesMax = LINES_MAX,
): Promise<number> {
  const { lines, violations, virtualMs, eventCount } = await execute(plan, true);
  for (const line of lines.filter(isTelling).slice(-linesMax)) print(line);
  for (const violation of violations) print(`violated: ${violation}`);
  const seconds = Math.round(virtualMs / 1_000);
  if (violations.length === 0) print(`all is well after ${seconds} s and ${eventCount} events`);
  return violations.length;
}

/** Calls and measurements by the hundred tell a person nothing. */
const isTelling = (line: string): boolean => !/ debug (rpc|step|call)/.test(line);

function summaryOf(results: readonly SeedResult[], failed: number, elapsedMs: number): string {
  const sum = (of: (result: SeedResult) => number) => results.reduce((n, it) => n + of(it), 0);
  const hours = sum(({ virtualMs }) => virtualMs) / 3_600_000;
  const kinds = new Set(
    results.flatMap(({ plan }) =>
      plan.steps.flatMap((step) => (step.do === "fault" ? [step.fault] : [])),
    ),
  );
  const repeated = sum(({ isRepeated }) => Number(isRepeated));
  const seconds = Math.round(elapsedMs / 1_000);
  return (
    `${results.length} worlds, ${failed} failed; ${kinds.size} kinds of fault, ` +
    `${hours.toFixed(1)} hours simulated in ${seconds} s, ${sum((it) => it.eventCount)} events; ` +
    `${repeated} run twice and compared`
  );
}
