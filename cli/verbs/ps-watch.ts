import type { TaskChange } from "../../gen/berth/v1/manager_service_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { colorsFor } from "../output/colors.ts";
import { formatListing, formatStream } from "../output/listing.ts";
import type { OutputFlags } from "../output/output-flags.ts";
import { taskListing } from "../output/task-listing.ts";
import { workerOf } from "../output/task-text.ts";
import type { TaskSelection } from "../parse/filter.ts";
import { CLEAR, printLine } from "../terminal.ts";
import { watchTasks } from "../watch-tasks.ts";

/**
 * Prints tasks as they change until the user leaves: on a screen the whole
 * table again, elsewhere a row for each change.
 */
export async function watchTable(
  context: Context,
  manager: Manager,
  selection: TaskSelection,
  flags: OutputFlags,
): Promise<ExitCode> {
  const { terminal, clock, interrupted } = context;
  const print = terminal.isTty && isTable(flags) ? screenPrinter : rowPrinter;
  const show = print(context, flags);
  // States and workers change: a change away from them must be seen, so they are matched here.
  const filter = {
    labels: selection.labels,
    ...(selection.name === undefined ? {} : { name: selection.name }),
  };
  const tasks = new Map<string, Task>();
  for await (const watched of watchTasks(manager, { filter, clock, signal: interrupted })) {
    if (watched.kind === "reconnecting") {
      printLine(terminal.stderr, "the manager is away, calling again");
      continue;
    }
    const news = watched.changes.filter((change) => apply(change, tasks, selection));
    await show(
      tasks,
      news.flatMap(({ task }) => task ?? []),
    );
    await terminal.stdout.drained();
  }
  return exitCodes.interrupted;
}

/** Whether the change is of a task that is shown, or was until now. */
function apply(
  { task, removed }: TaskChange,
  tasks: Map<string, Task>,
  selection: TaskSelection,
): boolean {
  if (!task) return false;
  if (removed || !matches(task, selection)) return tasks.delete(task.id);
  tasks.set(task.id, task);
  return true;
}

const isTable = ({ output }: OutputFlags): boolean => output === "table" || output === "wide";

const matches = (task: Task, { states, workerId }: TaskSelection): boolean =>
  (states.length === 0 || states.includes(task.state)) &&
  (workerId === undefined || workerOf(task) === workerId);

type Show = (tasks: ReadonlyMap<string, Task>, news: readonly Task[]) => Promise<void>;

function screenPrinter(context: Context, flags: OutputFlags): Show {
  const { terminal } = context;
  return async (tasks) => {
    const listing = listingOf(context, flags);
    terminal.stdout.write(
      CLEAR + (await formatListing(listing, [...tasks.values()], flags, terminal)),
    );
  };
}

function rowPrinter(context: Context, flags: OutputFlags): Show {
  const { terminal } = context;
  let isFirst = true;
  return async (_, news) => {
    const listing = listingOf(context, flags);
    terminal.stdout.write(await formatStream(listing, news, { flags, terminal, isFirst }));
    isFirst = false;
  };
}

const listingOf = ({ terminal, clock }: Context, { trunc }: OutputFlags) =>
  taskListing({ colors: colorsFor(terminal), nowMs: clock.now(), trunc });
