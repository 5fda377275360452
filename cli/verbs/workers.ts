import type { Command } from "commander";
import type { Worker } from "../../gen/berth/v1/worker_pb.ts";
import { usageError } from "../command-error.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { listWorkers } from "../list-all.ts";
import { colorsFor } from "../output/colors.ts";
import { describeWorker } from "../output/describe-worker.ts";
import { formatListing } from "../output/listing.ts";
import { addListFlags, type OutputFlags } from "../output/output-flags.ts";
import { workerListing } from "../output/worker-listing.ts";
import { parseWorkerFilters } from "../parse/worker-filter.ts";
import { type AtFlag, addAtFlag, atFlagOfField, readAt, refuseWatching } from "../past.ts";
import { printLine } from "../terminal.ts";
import { callOf, clientCommand, collect, flagValue, type Run, withManager } from "./client-verb.ts";
import { eachReference } from "./each-reference.ts";
import { addWatchFlag, type WatchFlags, watched } from "./watched.ts";
import { printPastWorkers } from "./workers-past.ts";

type WorkersFlags = OutputFlags & AtFlag & WatchFlags & Readonly<{ filter?: readonly string[] }>;

export const workersCommand = (run: Run): Command =>
  addAtFlag(addWatchFlag(addListFlags(clientCommand("workers").alias("node"))))
    .summary("list workers, or show all about some")
    .description(
      "List all workers with what they have and hold, or show all about those named. Of the past only what the manager saw of them is told, and the tasks that they had.",
    )
    .argument("[workers...]", "IDs")
    .option("--filter <what>", "state=, platform= or label=KEY[=VALUE]; repeatable", collect)
    .action((ids: string[], flags: WorkersFlags) =>
      run((context) => watched(context, flags, (watching) => workers(watching, ids, flags))),
    );

async function workers(
  context: Context,
  ids: readonly string[],
  flags: WorkersFlags,
): Promise<ExitCode> {
  if (ids.length > 0 && flags.filter)
    throw usageError(["workers are named and filtered: leave one of both out"]);
  const { atTime } = readAt(flags, context);
  if (atTime) {
    refuseWatching(flags);
    const isMeant = flagValue("--filter", parseWorkerFilters(flags.filter ?? []));
    return withManager(
      context,
      flags,
      (manager) => printPastWorkers(context, manager, { ids, at: { atTime }, flags, isMeant }),
      atFlagOfField,
    );
  }
  return withManager(context, flags, (manager) =>
    ids.length === 0 ? printAll(context, manager, flags) : printSome(context, manager, ids, flags),
  );
}

async function printAll(
  context: Context,
  manager: Manager,
  flags: WorkersFlags,
): Promise<ExitCode> {
  const { terminal } = context;
  const isMeant = flagValue("--filter", parseWorkerFilters(flags.filter ?? []));
  const { workers } = await listWorkers(manager, {}, callOf(context));
  const found = workers.filter(isMeant);
  terminal.stdout.write(await formatListing(listingOf(context), found, flags, terminal));
  if (found.length === 0 && flags.output === "table") {
    const words = "no worker has joined; start one with: berth worker";
    printLine(terminal.stderr, flags.filter ? "no worker matches" : words);
  }
  return exitCodes.ok;
}

async function printSome(
  context: Context,
  manager: Manager,
  ids: readonly string[],
  flags: WorkersFlags,
): Promise<ExitCode> {
  const { terminal } = context;
  const found: Worker[] = [];
  const exitCode = await eachReference(context, ids, async (workerId) => {
    const { worker } = await manager.getWorker({ workerId }, callOf(context));
    if (worker) found.push(worker);
  });
  terminal.stdout.write(
    flags.output === "table" && flags.format === undefined
      ? found.map((worker) => describeWorker(worker, context.clock.now())).join("\n")
      : await formatListing(listingOf(context), found, flags, terminal),
  );
  return exitCode;
}

const listingOf = ({ terminal, clock }: Context) => workerListing(colorsFor(terminal), clock.now());
