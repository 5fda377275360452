import type { Command } from "commander";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { listTasks } from "../list-all.ts";
import { colorsFor } from "../output/colors.ts";
import { formatListing } from "../output/listing.ts";
import { addListFlags, type OutputFlags } from "../output/output-flags.ts";
import { taskListing } from "../output/task-listing.ts";
import { parseFilters, type TaskSelection } from "../parse/filter.ts";
import {
  type AtFlag,
  addAtFlag,
  atFlagOfField,
  nowOf,
  printPast,
  readAt,
  refuseWatching,
} from "../past.ts";
import { printLine } from "../terminal.ts";
import { callOf, clientCommand, collect, flagValue, type Run, withManager } from "./client-verb.ts";
import { watchTable } from "./ps-watch.ts";

type PsFlags = OutputFlags &
  AtFlag &
  Readonly<{ all?: true; watch?: true; quiet?: true; filter?: readonly string[] }>;

const ACTIVE_STATES = [
  TaskState.PENDING,
  TaskState.SCHEDULED,
  TaskState.STARTING,
  TaskState.RUNNING,
  TaskState.STOPPING,
];

export const psCommand = (run: Run): Command =>
  addAtFlag(addListFlags(clientCommand("ps").alias("status")))
    .summary("list tasks")
    .description(
      "List the tasks that have not ended, or with -a all of them, as they are or as they were.",
    )
    .option("-a, --all", "list ended tasks too")
    .option("--filter <what>", "state=, worker=, name= or label=KEY=VALUE; repeatable", collect)
    .option("-w, --watch", "go on printing as tasks change")
    .action((flags: PsFlags) => run((context) => ps(context, flags)));

async function ps(context: Context, flags: PsFlags): Promise<ExitCode> {
  const selection = flagValue("--filter", parseFilters(flags.filter ?? []));
  const onlyActive = selection.states.length === 0 && !flags.all;
  const wanted = onlyActive ? { ...selection, states: ACTIVE_STATES } : selection;
  refuseWatching(flags);
  const print = flags.watch ? watchTable : printOnce;
  return withManager(
    context,
    flags,
    (manager) => print(context, manager, wanted, flags),
    atFlagOfField,
  );
}

async function printOnce(
  context: Context,
  manager: Manager,
  selection: TaskSelection,
  flags: PsFlags,
): Promise<ExitCode> {
  const { terminal } = context;
  const at = readAt(flags, context);
  const filter = { ...selection, states: [...selection.states] };
  const { tasks, gaps } = await listTasks(manager, { filter, ...at }, callOf(context));
  printPast(context, at, gaps);
  const listing = taskListing({
    colors: colorsFor(terminal),
    nowMs: nowOf(at, context),
    trunc: flags.trunc,
  });
  terminal.stdout.write(await formatListing(listing, tasks, flags, terminal));
  if (tasks.length === 0 && flags.output === "table" && !flags.all) {
    const [is, when] = flags.at === undefined ? ["is", ""] : ["was", ` --at ${flags.at}`];
    printLine(terminal.stderr, `nothing ${is} active; to see ended tasks too: berth ps -a${when}`);
  }
  return exitCodes.ok;
}
