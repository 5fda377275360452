import type { Command } from "commander";
import { TaskSchema } from "../../gen/berth/v1/task_pb.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { findTask } from "../find-task.ts";
import { listEvents } from "../list-all.ts";
import { colorsFor } from "../output/colors.ts";
import { describeTask } from "../output/describe-task.ts";
import { formatDocument, jsonOf } from "../output/document.ts";
import { addPageFlags, type PageFlags } from "../output/output-flags.ts";
import { formatHoles } from "../output/template.ts";
import { callOf, clientCommand, type Run, withManager } from "./client-verb.ts";
import { eachReference } from "./each-reference.ts";
import { addWatchFlag, type WatchFlags, watched } from "./watched.ts";

export const inspectCommand = (run: Run): Command =>
  addWatchFlag(addPageFlags(clientCommand("inspect")))
    .summary("show all about tasks")
    .description(
      "Show all about tasks: spec, placement and its reasons, attempts, latest events. With -o json or yaml: a list of the tasks as the manager has them.",
    )
    .argument("<tasks...>", "IDs, beginnings of IDs, or names")
    .action((tasks: string[], flags: WatchFlags & PageFlags) =>
      run((context) => watched(context, flags, (watching) => inspect(watching, tasks, flags))),
    );

async function inspect(
  context: Context,
  references: readonly string[],
  { output, format, ...flags }: PageFlags,
): Promise<ExitCode> {
  const { stdout } = context.terminal;
  return withManager(context, flags, async (manager) => {
    if (output === "table" && format === undefined) {
      let gap = "";
      return eachReference(context, references, async (reference) => {
        stdout.write(gap + (await describe(context, manager, reference)));
        gap = "\n";
      });
    }
    const tasks = [];
    for (const reference of references) {
      tasks.push(await findTask(manager, reference, callOf(context)));
    }
    if (format !== undefined) {
      stdout.write(formatHoles(TaskSchema, tasks, format));
      return exitCodes.ok;
    }
    const json = tasks.map((task) => jsonOf(TaskSchema, task));
    stdout.write(await formatDocument(output === "json" ? "json" : "yaml", json));
    return exitCodes.ok;
  });
}

async function describe(context: Context, manager: Manager, reference: string): Promise<string> {
  const task = await findTask(manager, reference, callOf(context));
  const events = await listEvents(manager, task.id, callOf(context));
  const { terminal, clock } = context;
  const { columns: width } = terminal;
  return describeTask({ task, events, colors: colorsFor(terminal), nowMs: clock.now(), width });
}
