import { create } from "@bufbuild/protobuf";
import type { Command } from "commander";
import {
  type ListDifferencesResponse,
  ListDifferencesResponseSchema,
} from "../../gen/berth/v1/past_pb.ts";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { listDifferences } from "../list-all.ts";
import { colorsFor } from "../output/colors.ts";
import { differencesText } from "../output/differences-text.ts";
import { formatDocument, jsonOf } from "../output/document.ts";
import { formatTime } from "../output/format.ts";
import { addListFlags, type OutputFlags } from "../output/output-flags.ts";
import { printGaps, readMoment } from "../past.ts";
import { printLine } from "../terminal.ts";
import { callOf, clientCommand, type Run, withManager } from "./client-verb.ts";

type DiffFlags = OutputFlags & Readonly<{ from?: string; to?: string }>;

export const diffCommand = (run: Run): Command =>
  addListFlags(clientCommand("diff"))
    .summary("say what changed between two times")
    .description(
      "Say what was different in the cluster between two times: tasks and workers that came, went, changed their state, moved or were restarted.",
    )
    .option("--from <when>", "the earlier time: 03:12, 2026-01-31T12:00:00Z, or 2h ago as -2h")
    .option("--to <when>", "the later time (default: now)")
    .action((flags: DiffFlags) => run((context) => diff(context, flags)));

async function diff(context: Context, flags: DiffFlags): Promise<ExitCode> {
  if (flags.from === undefined)
    throw usageError(["--from is missing: give a time, or how long ago, such as 2h"]);
  const fromTime = readMoment("--from", flags.from, context);
  const toTime = flags.to === undefined ? undefined : readMoment("--to", flags.to, context);
  const times = { fromTime, ...(toTime && { toTime }) };
  return withManager(
    context,
    flags,
    async (manager) => {
      const found = await listDifferences(manager, times, callOf(context));
      const until = toTime ? formatTime(toTime) : "now";
      printLine(context.terminal.stderr, `from ${formatTime(fromTime)} to ${until}`);
      printGaps(context.terminal, found.gaps);
      context.terminal.stdout.write(await format(found, flags, context));
      return exitCodes.ok;
    },
    (field) => ({ from_time: "--from", to_time: "--to" })[field],
  );
}

async function format(
  found: ListDifferencesResponse,
  { output, headers, trunc }: DiffFlags,
  { terminal }: Context,
): Promise<string> {
  if (output === "json" || output === "yaml") {
    const whole = create(ListDifferencesResponseSchema, found);
    return formatDocument(output, jsonOf(ListDifferencesResponseSchema, whole));
  }
  if (output === "name") return found.tasks.map(({ taskId }) => `${taskId}\n`).join("");
  const width = terminal.isTty && trunc ? terminal.columns : undefined;
  return differencesText(found, { colors: colorsFor(terminal), headers, width });
}
