import type { JsonObject } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { CrashReportSchema } from "../../gen/berth/v1/crash_report_pb.ts";
import { type Task, TaskSchema } from "../../gen/berth/v1/task_pb.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { findTask } from "../find-task.ts";
import { listCrashes, listEvents } from "../list-all.ts";
import { findTaskAt } from "../find-task.ts";
import { listEvents } from "../list-all.ts";
import { colorsFor } from "../output/colors.ts";
import { describeTask } from "../output/describe-task.ts";
import { formatDocument, jsonOf } from "../output/document.ts";
import { addPageFlags, type PageFlags } from "../output/output-flags.ts";
import { formatHoles } from "../output/template.ts";
import { parseWhole } from "../parse/parsed.ts";
import { callOf, clientCommand, flagValue, type Run, withManager } from "./client-verb.ts";
import { eachReference } from "./each-reference.ts";
import { addWatchFlag, type WatchFlags, watched } from "./watched.ts";

/** More than a task keeps. */
const CRASHES_MAX = 100;

type InspectFlags = PageFlags & Readonly<{ crashes: string }>;
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
import { callOf, clientCommand, type Run, withManager } from "./client-verb.ts";
import { eachReference } from "./each-reference.ts";
import { addWatchFlag, type WatchFlags, watched } from "./watched.ts";

type InspectFlags = PageFlags & AtFlag & WatchFlags;

export const inspectCommand = (run: Run): Command =>
  addAtFlag(addWatchFlag(addPageFlags(clientCommand("inspect"))))
    .summary("show all about tasks")
    .description(
      "Show all about tasks: spec, placement and its reasons, attempts, why they failed and what they left behind, latest events. With -o json or yaml: a list of the tasks as the manager has them, each with its crash reports.",
    )
    .option("--crashes <number>", "crash reports to show of each task, latest first", "1")
    .argument("<tasks...>", "IDs, beginnings of IDs, or names")
    .action((tasks: string[], flags: WatchFlags & InspectFlags) =>
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
  return withManager(context, flags, async (manager) => {
  { output, format, ...flags }: InspectFlags,
): Promise<ExitCode> {
  const { stdout } = context.terminal;
  const at = readAt(flags, context);
  refuseWatching(flags);
  const show = async (manager: Manager): Promise<ExitCode> => {
    if (output === "table" && format === undefined) {
      let gap = "";
      printPast(context, at, []);
      return eachReference(context, references, async (reference) => {
        stdout.write(gap + (await describe(context, manager, { reference, crashCount })));
        gap = "\n";
      });
    }
    const tasks: Task[] = [];
    for (const reference of references)
      tasks.push(await findTask(manager, reference, callOf(context)));
        stdout.write(gap + (await describe(context, manager, { reference, ...at })));
        gap = "\n";
      });
    }
    const tasks = [];
    for (const reference of references) {
      tasks.push(await findTaskAt(manager, { reference, ...at }, callOf(context)));
    }
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

/** The task, and beside its own fields the reports if there are any. */
async function documentOf(
  context: Context,
  manager: Manager,
  { task, crashCount }: Readonly<{ task: Task; crashCount: number }>,
): Promise<JsonObject> {
  const reports = await listCrashes(manager, { taskId: task.id, crashCount }, callOf(context));
  const crashReports = reports.map((report) => jsonOf(CrashReportSchema, report));
  const json = jsonOf(TaskSchema, task) as JsonObject;
  return { ...json, ...(reports.length > 0 && { crashReports }) };
}

type Asked = Readonly<{ reference: string; crashCount: number }>;

async function describe(
  context: Context,
  manager: Manager,
  { reference, crashCount }: Asked,
): Promise<string> {
  const task = await findTask(manager, reference, callOf(context));
  const reports = await listCrashes(manager, { taskId: task.id, crashCount }, callOf(context));
  const events = await listEvents(manager, task.id, callOf(context));
  const { terminal, clock } = context;
  const look = { colors: colorsFor(terminal), nowMs: clock.now(), width: terminal.columns };
  return describeTask({ task, events, reports, ...look });
async function describe(
  context: Context,
  manager: Manager,
  asked: Readonly<{ reference: string }> & At,
): Promise<string> {
  const task = await findTaskAt(manager, asked, callOf(context));
  const all = await listEvents(manager, task.id, callOf(context));
  // Up to how the task is shown, which may be a while ago.
  const events = all.filter(({ revision }) => revision <= task.revision);
  const nowMs = nowOf(asked, context);
  const { terminal } = context;
  const { columns: width } = terminal;
  return describeTask({ task, events, colors: colorsFor(terminal), nowMs, width });
}
