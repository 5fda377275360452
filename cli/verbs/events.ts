import type { Command } from "commander";
import { toMillis } from "../../core/time.ts";
import type { TaskEvent } from "../../gen/berth/v1/task_event_pb.ts";
import { usageError } from "../command-error.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { findTask } from "../find-task.ts";
import { listEvents } from "../list-all.ts";
import { colorsFor } from "../output/colors.ts";
import { eventListing } from "../output/event-listing.ts";
import { formatListing, formatStream } from "../output/listing.ts";
import { addListFlags, type OutputFlags } from "../output/output-flags.ts";
import { parseFilters } from "../parse/filter.ts";
import { parseSince } from "../parse/since.ts";
import { printLine } from "../terminal.ts";
import { watchTasks } from "../watch-tasks.ts";
import { callOf, clientCommand, collect, flagValue, type Run, withManager } from "./client-verb.ts";

type EventsFlags = OutputFlags &
  Readonly<{ follow?: true; since?: string; filter?: readonly string[] }>;

export const eventsCommand = (run: Run): Command =>
  addListFlags(clientCommand("events"))
    .summary("list what happened to a task, or to all")
    .description("List what was requested, decided and observed, oldest first.")
    .argument("[task]", "ID, beginning of an ID, or name (default: all tasks)")
    .option("-f, --follow", "go on printing as things happen")
    .option("--filter <what>", "state= or worker=; repeatable", collect)
    .option("--since <when>", "only from this time on, or this long ago: 2026-01-31T12:00:00Z, 10m")
    .action((task: string | undefined, flags: EventsFlags) =>
      run((context) => events(context, task, flags)),
    );

async function events(
  context: Context,
  reference: string | undefined,
  flags: EventsFlags,
): Promise<ExitCode> {
  const { terminal, clock } = context;
  const sinceMs =
    flags.since === undefined ? 0 : flagValue("--since", parseSince(flags.since, clock.now()));
  const isMeant = matcherOf(flags.filter ?? []);
  return withManager(context, flags, async (manager) => {
    const call = callOf(context);
    const taskId = reference === undefined ? "" : (await findTask(manager, reference, call)).id;
    // Read before the events: what happens from here on is in the watch, if not in both.
    const { revision } = await manager.listTasks({ pageSize: 1 }, call);
    const all = await listEvents(manager, taskId, call);
    const past = all.filter(
      (event) => (!event.time || toMillis(event.time) >= sinceMs) && isMeant(event),
    );
    const listing = eventListing(colorsFor(terminal));
    if (!flags.follow) {
      terminal.stdout.write(await formatListing(listing, past, flags, terminal));
      return exitCodes.ok;
    }
    terminal.stdout.write(await formatStream(listing, past, { flags, terminal, isFirst: true }));
    const afterRevision = all.at(-1)?.revision ?? revision;
    const isNews = (event: TaskEvent) =>
      (taskId === "" || event.taskId === taskId) && isMeant(event);
    return follow(context, manager, { isNews, afterRevision, flags });
  });
}

/** Whether an event leads into one of the states, on one worker. */
function matcherOf(filters: readonly string[]): (event: TaskEvent) => boolean {
  const { states, workerId, name, labels } = flagValue("--filter", parseFilters(filters));
  if (name !== undefined || Object.keys(labels).length > 0)
    throw usageError(["--filter of events is state= or worker=: name the task instead"]);
  return (event) =>
    (states.length === 0 || states.includes(event.toState)) &&
    (workerId === undefined || event.workerId === workerId);
}

type Following = Readonly<{
  isNews: (event: TaskEvent) => boolean;
  afterRevision: bigint;
  flags: OutputFlags;
}>;

async function follow(
  { terminal, clock, interrupted: signal }: Context,
  manager: Manager,
  { isNews, afterRevision, flags }: Following,
): Promise<ExitCode> {
  const listing = eventListing(colorsFor(terminal));
  for await (const watched of watchTasks(manager, { filter: {}, afterRevision, clock, signal })) {
    if (watched.kind === "reconnecting") {
      printLine(terminal.stderr, "the manager is away, calling again");
      continue;
    }
    const news = watched.changes
      .flatMap(({ event }): readonly TaskEvent[] => (event ? [event] : []))
      .filter(isNews);
    terminal.stdout.write(await formatStream(listing, news, { flags, terminal, isFirst: false }));
    await terminal.stdout.drained();
  }
  return exitCodes.interrupted;
}
