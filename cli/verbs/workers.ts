import type { Command } from "commander";
import type { Worker } from "../../gen/berth/v1/worker_pb.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { listWorkers } from "../list-all.ts";
import { colorsFor } from "../output/colors.ts";
import { describeWorker } from "../output/describe-worker.ts";
import { formatListing } from "../output/listing.ts";
import { addListFlags, type OutputFlags } from "../output/output-flags.ts";
import { workerListing } from "../output/worker-listing.ts";
import { printLine } from "../terminal.ts";
import { callOf, clientCommand, type Run, withManager } from "./client-verb.ts";
import { eachReference } from "./each-reference.ts";

type WorkersFlags = OutputFlags & Readonly<{ quiet?: true }>;

export const workersCommand = (run: Run): Command =>
  addListFlags(clientCommand("workers").alias("node"))
    .summary("list workers, or show all about some")
    .description("List all workers with what they have and hold, or show all about those named.")
    .argument("[workers...]", "IDs")
    .option("-q, --quiet", "print IDs only, as -o name")
    .action((ids: string[], flags: WorkersFlags) => run((context) => workers(context, ids, flags)));

async function workers(
  context: Context,
  ids: readonly string[],
  given: WorkersFlags,
): Promise<ExitCode> {
  const flags: WorkersFlags = given.quiet ? { ...given, output: "name" } : given;
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
  const found = await listWorkers(manager, callOf(context));
  terminal.stdout.write(await formatListing(listingOf(context), found, flags, terminal));
  if (found.length === 0 && flags.output === "table") {
    printLine(terminal.stderr, "no worker has joined; start one with: berth worker");
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
    flags.output === "table"
      ? found.map((worker) => describeWorker(worker, context.clock.now())).join("\n")
      : await formatListing(listingOf(context), found, flags, terminal),
  );
  return exitCode;
}

const listingOf = ({ terminal, clock }: Context) => workerListing(colorsFor(terminal), clock.now());
