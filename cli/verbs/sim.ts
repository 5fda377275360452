import { Command } from "commander";
import { parse } from "yaml";
import type { Plan } from "../../sim/plan.ts";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { noSuchFile } from "../no-file.ts";
import { parseWhole } from "../parse/parsed.ts";
import { printLine } from "../terminal.ts";
import { flagValue, type Run } from "./client-verb.ts";

type SimFlags = Readonly<{
  seeds: string;
  from: string;
  seed?: string;
  plan?: string;
  jobs: string;
  hasty?: true;
}>;

/** Seeds are numbers of 32 bits. */
const SEED_MAX = 2 ** 31 - 1;
const THREADS_MAX = 256;

/** Lines of one run's story: about as much as a person reads. */
const STORY_LINES = 2_000;

export const simCommand = (run: Run): Command =>
  new Command("sim")
    .summary("try clusters in a simulation that breaks them")
    .description(
      "Run whole clusters in simulated time, with random users and faults, and check that what " +
        "Berth promises holds. The same seed always gives the same run. See docs/simulation.md.",
    )
    .option("--seeds <n>", "how many random worlds to try", "100")
    .option("--from <n>", "the first seed", "1")
    .option("--seed <n>", "try one seed, and tell its story")
    .option(
      "--plan <file>",
      "try tasks and faults of your own, in YAML or JSON, and tell the story",
    )
    .option("--jobs <n>", "how many worlds to run at once", "2")
    .option("--hasty", "end at the first failure, and do not look for a shorter one")
    .action((flags: SimFlags) => run((context) => simulateAsAsked(context, flags)));

async function simulateAsAsked(context: Context, flags: SimFlags): Promise<ExitCode> {
  const { clock, interrupted, terminal } = context;
  const { simulate, tellPlan } = await import("../../sim/run.ts");
  const print = (line: string) => printLine(terminal.stdout, line);
  const whole = (flag: string, text: string, max: number) =>
    flagValue(flag, parseWhole(text, 1, max));
  const plan = await onePlan(context, flags);
  const failed = plan
    ? await tellPlan(plan, print, STORY_LINES)
    : await simulate({
        from: whole("--from", flags.from, SEED_MAX),
        count: whole("--seeds", flags.seeds, SEED_MAX),
        threadCount: whole("--jobs", flags.jobs, THREADS_MAX),
        isHasty: flags.hasty ?? false,
        clock,
        print,
        signal: interrupted,
      });
  if (interrupted.aborted) return exitCodes.interrupted;
  return failed === 0 ? exitCodes.ok : exitCodes.error;
}

/** The one world that was asked for; undefined when many were. */
async function onePlan(
  context: Context,
  { seed, plan: file }: SimFlags,
): Promise<Plan | undefined> {
  const { randomPlan, readPlan } = await import("../../sim/run.ts");
  if (seed !== undefined) return randomPlan(flagValue("--seed", parseWhole(seed, 1, SEED_MAX)));
  if (file === undefined) return undefined;
  const text = await context.readText(file);
  if (text === undefined) throw usageError([noSuchFile(`--plan ${file}`)]);
  const reading = readPlan(parsedText(file, text));
  if (reading.kind === "read") return reading.plan;
  throw usageError(
    reading.problems.map((problem) => `--plan ${file}: ${problem}`),
    ["see how a plan looks: docs/simulation.md"],
  );
}

function parsedText(file: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw usageError([`--plan ${file}: ${words}`], ["mend its YAML"]);
  }
}
