import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";
import { LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { usageError } from "../command-error.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { findTask } from "../find-task.ts";
import { parseFilters } from "../parse/filter.ts";
import { parseWhole } from "../parse/parsed.ts";
import { parseSince } from "../parse/since.ts";
import { streamLogs } from "../stream-logs.ts";
import { callOf, clientCommand, collect, flagValue, type Run, withManager } from "./client-verb.ts";

type LogsFlags = Readonly<{
  follow?: true;
  tail?: string;
  since?: string;
  timestamps?: true;
  stdout?: true;
  stderr?: true;
  attempt?: string;
  filter?: readonly string[];
  label?: readonly string[];
  prefix: boolean;
}>;

/** What the contract's uint32 holds. */
const UINT32_MAX = 2 ** 32 - 1;

export const logsCommand = (run: Run): Command =>
  clientCommand("logs")
    .summary("print what tasks' containers wrote")
    .description(
      "Print what tasks' containers wrote: their stdout on stdout, their stderr on stderr. Of several " +
        "tasks each line begins with the task, and those that cannot be read are warned of.",
    )
    .argument("[tasks...]", "ID, beginning of an ID, or name; at most 100")
    .option("--filter <what>", "instead of tasks: as of berth ps; repeatable", collect)
    .option("-l, --label <key=value>", "short for --filter label=KEY=VALUE; repeatable", collect)
    .option("-f, --follow", "go on until the containers end; with a filter as tasks come and go")
    .option("-n, --tail <lines>", "only the last lines of what was already written")
    .option("--since <when>", "only from this time on, or this long ago: 2026-01-31T12:00:00Z, 10m")
    .option("-t, --timestamps", "begin each line with the time it was written")
    .option("--stdout", "only what was written to stdout")
    .option("--stderr", "only what was written to stderr")
    .option(
      "--attempt <number>",
      "of an earlier attempt of one task, see: berth inspect (default: the current)",
    )
    .option("--no-prefix", "do not begin lines with their task")
    .action((tasks: string[], flags: LogsFlags) => run((context) => logs(context, tasks, flags)));

async function logs(
  context: Context,
  references: readonly string[],
  flags: LogsFlags,
): Promise<ExitCode> {
  const selection = selectionOf(flags, context.clock.now());
  const filter = filterOf(references, flags);
  return withManager(context, flags, async (manager) => {
    const taskIds = await idsOf(context, manager, references);
    const [taskId, ...others] = taskIds;
    const isOne = taskId !== undefined && others.length === 0;
    const which = filter ? { filter } : isOne ? { taskId } : { taskIds };
    const options = {
      terminal: context.terminal,
      signal: context.interrupted,
      timestamps: flags.timestamps === true,
      prefix: flags.prefix && !isOne,
    };
    await streamLogs(manager, { ...which, ...selection }, options);
    return context.interrupted.aborted ? exitCodes.interrupted : exitCodes.ok;
  });
}

/** Which tasks are meant, where they are not named. */
function filterOf(references: readonly string[], { filter, label, attempt }: LogsFlags) {
  const texts = [...(filter ?? []), ...(label ?? []).map((pair) => `label=${pair}`)];
  const problem = problemOf({ count: references.length, isFiltered: texts.length > 0, attempt });
  if (problem !== undefined) throw usageError([problem], ["see: berth logs --help"]);
  if (texts.length === 0) return undefined;
  const { states, ...rest } = flagValue("--filter", parseFilters(texts));
  return { ...rest, states: [...states] };
}

type Which = Readonly<{ count: number; isFiltered: boolean; attempt: string | undefined }>;

function problemOf({ count, isFiltered, attempt }: Which): string | undefined {
  if (count === 0 && !isFiltered) return "TASK is missing: name one or more, or give --filter";
  if (count > 0 && isFiltered) return "TASK and --filter exclude each other: give one of them";
  return attempt !== undefined && count !== 1
    ? "--attempt is of one task: name only that"
    : undefined;
}

async function idsOf(
  context: Context,
  manager: Manager,
  references: readonly string[],
): Promise<string[]> {
  const found = references.map((reference) => findTask(manager, reference, callOf(context)));
  return [...new Set((await Promise.all(found)).map(({ id }) => id))];
}

function selectionOf(flags: LogsFlags, nowMs: number) {
  const { tail, since, attempt, follow, stdout, stderr } = flags;
  return {
    follow: follow === true,
    streams: [...(stdout ? [LogStream.STDOUT] : []), ...(stderr ? [LogStream.STDERR] : [])],
    ...(tail === undefined || tail === "all"
      ? {}
      : { tail: flagValue("--tail", parseWhole(tail, 0, UINT32_MAX)) }),
    ...(since === undefined
      ? {}
      : { since: timestampFromMs(flagValue("--since", parseSince(since, nowMs))) }),
    ...(attempt === undefined
      ? {}
      : { attempt: flagValue("--attempt", parseWhole(attempt, 1, UINT32_MAX)) }),
  };
}
