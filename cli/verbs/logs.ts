import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";
import { LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { findTask } from "../find-task.ts";
import { parseWhole } from "../parse/parsed.ts";
import { parseSince } from "../parse/since.ts";
import { streamLogs } from "../stream-logs.ts";
import { callOf, clientCommand, flagValue, type Run, withManager } from "./client-verb.ts";

type LogsFlags = Readonly<{
  follow?: true;
  tail?: string;
  since?: string;
  timestamps?: true;
  stdout?: true;
  stderr?: true;
  attempt?: string;
}>;

/** What the contract's uint32 holds. */
const UINT32_MAX = 2 ** 32 - 1;

export const logsCommand = (run: Run): Command =>
  clientCommand("logs")
    .summary("print what a task's container wrote")
    .description("Print what a task's container wrote: its stdout on stdout, its stderr on stderr.")
    .argument("<task>", "ID, beginning of an ID, or name")
    .option("-f, --follow", "go on until the container ends")
    .option("-n, --tail <lines>", "only the last lines of what was already written")
    .option("--since <when>", "only from this time on, or this long ago: 2026-01-31T12:00:00Z, 10m")
    .option("-t, --timestamps", "begin each line with the time it was written")
    .option("--stdout", "only what was written to stdout")
    .option("--stderr", "only what was written to stderr")
    .option(
      "--attempt <number>",
      "of an earlier attempt, see: berth inspect (default: the current)",
    )
    .action((task: string, flags: LogsFlags) => run((context) => logs(context, task, flags)));

async function logs(context: Context, reference: string, flags: LogsFlags): Promise<ExitCode> {
  const selection = selectionOf(flags, context.clock.now());
  return withManager(context, flags, async (manager) => {
    const { id: taskId } = await findTask(manager, reference, callOf(context));
    const options = {
      terminal: context.terminal,
      signal: context.interrupted,
      timestamps: flags.timestamps === true,
    };
    await streamLogs(manager, { taskId, ...selection }, options);
    return context.interrupted.aborted ? exitCodes.interrupted : exitCodes.ok;
  });
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
