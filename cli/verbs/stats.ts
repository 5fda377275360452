import type { Command } from "commander";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { formatListing, formatStream } from "../output/listing.ts";
import { addListFlags, type OutputFlags } from "../output/output-flags.ts";
import { statsListing, statsWarningText } from "../output/stats-listing.ts";
import { parseDuration } from "../parse/duration.ts";
import { type StatsRound, settledRound, statsRounds } from "../stats-rounds.ts";
import { CLEAR, printLine } from "../terminal.ts";
import { clientCommand, collect, flagValue, type Run, withManager } from "./client-verb.ts";
import { requestOf, type Selection } from "./stats-request.ts";

type StatsFlags = OutputFlags &
  Readonly<{ stream: boolean; filter?: readonly string[]; interval: string }>;

export const statsCommand = (run: Run): Command =>
  addListFlags(clientCommand("stats"))
    .summary("show what tasks use")
    .description(
      "Show the CPU time, memory, network and disk traffic of tasks that run, again and again until Ctrl-C. CPU is of one CPU: 200% is two.",
    )
    .argument("[tasks...]", "IDs, beginnings of IDs, or names (default: all tasks that run)")
    .option("--no-stream", "measure over one interval, print that, and end")
    .option("--filter <what>", "worker=, name= or label=KEY=VALUE; repeatable", collect)
    .option("-i, --interval <time>", "time between two measurements, at least 1s", "1s")
    .action((tasks: string[], flags: StatsFlags) => run((context) => stats(context, tasks, flags)));

async function stats(
  context: Context,
  references: readonly string[],
  flags: StatsFlags,
): Promise<ExitCode> {
  const intervalMs = flagValue("--interval", parseDuration(flags.interval));
  const selection = { references, filters: flags.filter ?? [], intervalMs };
  const show = flags.stream ? follow : printOnce;
  return withManager(
    context,
    flags,
    (manager) => show(context, manager, { selection, flags }),
    (field) => (field === "interval" ? "--interval" : undefined),
  );
}

type Wish = Readonly<{ selection: Selection; flags: OutputFlags }>;

async function printOnce(
  context: Context,
  manager: Manager,
  { selection, flags }: Wish,
): Promise<ExitCode> {
  const { terminal, clock, interrupted: signal } = context;
  const request = await requestOf(context, manager, selection);
  const { stats: found, warnings } = await settledRound(manager, { request, clock, signal });
  terminal.stdout.write(await formatListing(statsListing, found, flags, terminal));
  for (const warning of warnings)
    printLine(terminal.stderr, `warning: ${statsWarningText(warning)}`);
  return exitCodes.ok;
}

async function follow(
  context: Context,
  manager: Manager,
  { selection, flags }: Wish,
): Promise<ExitCode> {
  const { terminal, clock, interrupted: signal } = context;
  const request = await requestOf(context, manager, selection);
  const isScreen = terminal.isTty && (flags.output === "table" || flags.output === "wide");
  const show = isScreen ? screenPrinter(context, flags) : rowPrinter(context, flags);
  for await (const told of statsRounds(manager, { request, clock, signal })) {
    if (told.kind === "round") await show(told);
    else printLine(terminal.stderr, "the manager is away, calling again");
    await terminal.stdout.drained();
  }
  return signal.aborted ? exitCodes.interrupted : exitCodes.ok;
}

type Show = (round: StatsRound) => Promise<void>;

function screenPrinter({ terminal }: Context, flags: OutputFlags): Show {
  return async ({ stats: found, warnings }) => {
    const table = await formatListing(statsListing, found, flags, terminal);
    const notes = warnings.map((warning) => `warning: ${statsWarningText(warning)}\n`);
    terminal.stdout.write(CLEAR + table + notes.join(""));
  };
}

/** A row for each task in each round. A warning is told when it is new. */
function rowPrinter({ terminal }: Context, flags: OutputFlags): Show {
  let isFirst = true;
  let known: ReadonlySet<string> = new Set();
  return async ({ stats: found, warnings }) => {
    terminal.stdout.write(await formatStream(statsListing, found, { flags, terminal, isFirst }));
    isFirst = false;
    const texts = new Set(warnings.map(statsWarningText));
    for (const text of texts) if (!known.has(text)) printLine(terminal.stderr, `warning: ${text}`);
    known = texts;
  };
}
