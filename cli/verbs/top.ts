import { type Command, Option } from "commander";
import type { TaskStats } from "../../gen/berth/v1/task_stats_pb.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { listWorkers } from "../list-all.ts";
import { colorsFor } from "../output/colors.ts";
import { formatListing } from "../output/listing.ts";
import { statsListing, statsWarningText } from "../output/stats-listing.ts";
import { workerListing } from "../output/worker-listing.ts";
import { parseDuration } from "../parse/duration.ts";
import { parseWhole } from "../parse/parsed.ts";
import { type StatsRound, settledRound, statsRounds } from "../stats-rounds.ts";
import { CLEAR, printLine } from "../terminal.ts";
import { callOf, clientCommand, flagValue, type Run, withManager } from "./client-verb.ts";
import { requestOf } from "./stats-request.ts";

const orders = {
  cpu: (a: TaskStats, b: TaskStats) => (b.cpuPercent ?? 0) - (a.cpuPercent ?? 0),
  memory: (a: TaskStats, b: TaskStats) => Number(b.memoryBytes - a.memoryBytes),
} as const;

type TopFlags = Readonly<{
  once?: true;
  interval: string;
  lines: string;
  sort: keyof typeof orders;
}>;

/** More tasks than any screen has lines for. */
const LINES_MAX = 1_000;

export const topCommand = (run: Run): Command =>
  clientCommand("top")
    .summary("show the busiest workers and tasks")
    .description(
      "Show workers and the tasks that use most, again and again until Ctrl-C. Where there is no screen it shows them once.",
    )
    .option("--once", "measure over one interval, print that, and end")
    .option("-i, --interval <time>", "time between two measurements, at least 1s", "2s")
    .option("-n, --lines <count>", "the most tasks to show", "20")
    .addOption(
      new Option("--sort <what>", "which tasks come first")
        .choices(Object.keys(orders))
        .default("cpu"),
    )
    .action((flags: TopFlags) => run((context) => top(context, flags)));

async function top(context: Context, flags: TopFlags): Promise<ExitCode> {
  const { terminal, clock, interrupted: signal } = context;
  const intervalMs = flagValue("--interval", parseDuration(flags.interval));
  const lines = flagValue("--lines", parseWhole(flags.lines, 1, LINES_MAX));
  const view = { lines, sort: flags.sort };
  return withManager(
    context,
    flags,
    async (manager) => {
      const selection = { references: [], filters: [], intervalMs };
      const options = { request: await requestOf(context, manager, selection), clock, signal };
      if (flags.once || !terminal.isTty) {
        const round = await settledRound(manager, options);
        terminal.stdout.write(await page(context, manager, { round, view }));
        return exitCodes.ok;
      }
      for await (const told of statsRounds(manager, options)) {
        if (told.kind === "round")
          terminal.stdout.write(CLEAR + (await page(context, manager, { round: told, view })));
        else printLine(terminal.stderr, "the manager is away, calling again");
        await terminal.stdout.drained();
      }
      return exitCodes.interrupted;
    },
    (field) => (field === "interval" ? "--interval" : undefined),
  );
}

type View = Readonly<{ lines: number; sort: TopFlags["sort"] }>;

/** What of workers says how busy they are. */
const WORKER_COLUMNS = ["ID", "STATE", "TASKS", "CPU", "LOAD", "MEMORY USED", "DISK FREE"];

async function page(
  context: Context,
  manager: Manager,
  { round, view }: Readonly<{ round: StatsRound; view: View }>,
): Promise<string> {
  const { terminal, clock } = context;
  const { workers } = await listWorkers(manager, {}, callOf(context));
  const listing = workerListing(colorsFor(terminal), clock.now());
  const columns = listing.columns
    .filter(({ title }) => WORKER_COLUMNS.includes(title))
    .map(({ only: _, ...column }) => column);
  const tasks = round.stats.toSorted(orders[view.sort]).slice(0, view.lines);
  const rest = round.stats.length - tasks.length;
  const notes = [
    ...(rest > 0 ? [`and ${rest} more`] : []),
    ...round.warnings.map((warning) => `warning: ${statsWarningText(warning)}`),
  ];
  const parts = [
    await formatListing({ ...listing, columns }, workers, TABLE, terminal),
    await formatListing(statsListing, tasks, TABLE, terminal),
    ...(notes.length > 0 ? [`${notes.join("\n")}\n`] : []),
  ];
  return parts.join("\n");
}

const TABLE = { output: "table", headers: true, trunc: true } as const;
