import type { JsonObject } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { isTerminal } from "../../core/task-state.ts";
import { CrashReportSchema } from "../../gen/berth/v1/crash_report_pb.ts";
import { type Task, TaskSchema } from "../../gen/berth/v1/task_pb.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { findTaskAt } from "../find-task.ts";
import { listCrashes, listEvents } from "../list-all.ts";
import { colorsFor } from "../output/colors.ts";
import { describeTask } from "../output/describe-task.ts";
import { formatDocument, jsonOf } from "../output/document.ts";
import { addPageFlags, type PageFlags } from "../output/output-flags.ts";
import { formatHoles } from "../output/template.ts";
import { parseWhole } from "../parse/parsed.ts";
import {
  type At,
  type AtFlag,
  addAtFlag,
  atFlagOfField,
  nowOf,
  printPast,
  readAt,
  refuseWatching,
} from "../past.ts";
import { callOf, clientCommand, flagValue, type Run, withManager } from "./client-verb.ts";
import { eachReference } from "./each-reference.ts";
import { addWatchFlag, type WatchFlags, watched } from "./watched.ts";

/** More than a task keeps. */
const CRASHES_MAX = 100;

type InspectFlags = PageFlags & AtFlag & WatchFlags & Readonly<{ crashes: string }>;

export const inspectCommand = (run: Run): Command =>
  addAtFlag(addWatchFlag(addPageFlags(clientCommand("inspect"))))
    .summary("show all about tasks")
    .description(
      "Show all about tasks: spec, placement and its reasons, attempts, why they failed and what they left behind, latest events. With -o json or yaml: a list of the tasks as the manager has them, each with its crash reports.",
    )
    .option("--crashes <number>", "crash reports to show of each task, latest first", "1")
    .argument("<tasks...>", "IDs, beginnings of IDs, or names")
    .action((tasks: string[], flags: InspectFlags) =>
      run((context) => watched(context, flags, (watching) => inspect(watching, tasks, flags))),
    );

async function inspect(
  context: Context,
  references: readonly string[],
  { output, format, crashes, ...flags }: InspectFlags,
): Promise<ExitCode> {
  const { stdout } = context.terminal;
  const crashCount = flagValue("--crashes", parseWhole(crashes, 0, CRASHES_MAX));
  const at = readAt(flags, context);
  refuseWatching(flags);
  const show = async (manager: Manager): Promise<ExitCode> => {
    if (output === "table" && format === undefined) {
      let gap = "";
      printPast(context, at, []);
      return eachReference(context, references, async (reference) => {
        stdout.write(gap + (await describe(context, manager, { reference, crashCount, ...at })));
        gap = "\n";
      });
    }
    const tasks: Task[] = [];
    for (const reference of references)
      tasks.push(await findTaskAt(manager, { reference, ...at }, callOf(context)));
    if (format !== undefined) {
      stdout.write(formatHoles(TaskSchema, tasks, format));
      return exitCodes.ok;
    }
    const documents = tasks.map((task) => documentOf(context, manager, { task, crashCount }));
    const json = await Promise.all(documents);
    stdout.write(await formatDocument(output === "json" ? "json" : "yaml", json));
    return exitCodes.ok;
  };
  return withManager(context, flags, show, atFlagOfField);
}

type Wanted = Readonly<{ task: Task; crashCount: number }>;

/** Of attempts that have ended by when the task is shown, which may be a while ago. */
async function reportsOf(context: Context, manager: Manager, { task, crashCount }: Wanted) {
  const { id: taskId, attempt, state } = task;
  const all = await listCrashes(manager, { taskId, crashCount }, callOf(context));
  const latest = attempt?.number ?? 0;
  return all.filter((report) => report.attempt < latest || isTerminal(state));
}

/** The task, and beside its own fields the reports if there are any. */
async function documentOf(
  context: Context,
  manager: Manager,
  { task, crashCount }: Wanted,
): Promise<JsonObject> {
  const reports = await reportsOf(context, manager, { task, crashCount });
  const crashReports = reports.map((report) => jsonOf(CrashReportSchema, report));
  const json = jsonOf(TaskSchema, task) as JsonObject;
  return { ...json, ...(reports.length > 0 && { crashReports }) };
}

type Asked = Readonly<{ reference: string; crashCount: number }> & At;

async function describe(
  context: Context,
  manager: Manager,
  { crashCount, ...asked }: Asked,
): Promise<string> {
  const task = await findTaskAt(manager, asked, callOf(context));
  const reports = await reportsOf(context, manager, { task, crashCount });
  const all = await listEvents(manager, task.id, callOf(context));
  // Up to how the task is shown, which may be a while ago.
  const events = all.filter(({ revision }) => revision <= task.revision);
  const { terminal } = context;
  const look = {
    colors: colorsFor(terminal),
    nowMs: nowOf(asked, context),
    width: terminal.columns,
  };
  return describeTask({ task, events, reports, ...look });
}
