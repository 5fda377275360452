import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";
import type { UpdateWorkerRequest } from "../../gen/berth/v1/manager_service_pb.ts";
import { WorkerAvailability } from "../../gen/berth/v1/worker_pb.ts";
import type { Context, Manager } from "../context.ts";
import type { ExitCode } from "../exit-codes.ts";
import { parseDuration } from "../parse/duration.ts";
import { createRequestId } from "../request-id.ts";
import { printLine } from "../terminal.ts";
import { waitForDrain } from "../wait-for-drain.ts";
import { callOf, clientCommand, flagValue, type Run, withManager } from "./client-verb.ts";
import { eachReference } from "./each-reference.ts";

type DrainFlags = Readonly<{
  timeout?: string;
  reason?: string;
  wait?: true;
  waitTimeout?: string;
}>;

type PauseFlags = Readonly<{ reason?: string }>;

export const drainCommand = (run: Run): Command =>
  clientCommand("drain")
    .summary("move all tasks away from workers")
    .description(
      "Let workers take no new tasks and move what runs there elsewhere, each task's new attempt first where two may run at once. See what holds it up: berth workers WORKER",
    )
    .argument("<workers...>", "IDs")
    .option("--timeout <time>", "then stop what remains first (default: wait for ever)")
    .option("--reason <text>", "why, for people")
    .option("--wait", "wait until nothing is left on them")
    .option("--wait-timeout <time>", "give up waiting for a worker after this time")
    .action((ids: string[], flags: DrainFlags) => run((context) => drain(context, ids, flags)));

export const pauseCommand = (run: Run): Command =>
  clientCommand("pause")
    .summary("let workers take no new tasks")
    .description("Let workers take no new tasks. What runs there stays.")
    .argument("<workers...>", "IDs")
    .option("--reason <text>", "why, for people")
    .action((ids: string[], flags: PauseFlags) => run((context) => pause(context, ids, flags)));

export const activateCommand = (run: Run): Command =>
  clientCommand("activate")
    .summary("let workers take tasks again")
    .description("Let workers that were paused or drained take tasks again.")
    .argument("<workers...>", "IDs")
    .action((ids: string[], flags: object) => run((context) => activate(context, ids, flags)));

async function drain(
  context: Context,
  ids: readonly string[],
  flags: DrainFlags,
): Promise<ExitCode> {
  const timeoutMs = duration("--timeout", flags.timeout);
  const waitMs = duration("--wait-timeout", flags.waitTimeout);
  const settings = {
    availability: WorkerAvailability.DRAINING,
    reason: flags.reason ?? "",
    ...(timeoutMs !== undefined && { drainTimeout: durationFromMs(timeoutMs) }),
  };
  const paths = ["availability", "reason", "drain_timeout"];
  return change(context, ids, {
    flags,
    update: { settings, paths },
    async after(manager, workerId) {
      if (flags.wait) await waitForDrain(context, manager, { workerId, timeoutMs: waitMs });
    },
  });
}

const pause = (context: Context, ids: readonly string[], flags: PauseFlags): Promise<ExitCode> =>
  change(context, ids, {
    flags,
    update: {
      settings: { availability: WorkerAvailability.PAUSED, reason: flags.reason ?? "" },
      paths: ["availability", "reason"],
    },
  });

const activate = (context: Context, ids: readonly string[], flags: object): Promise<ExitCode> =>
  change(context, ids, {
    flags,
    update: {
      settings: { availability: WorkerAvailability.ACTIVE },
      paths: ["availability", "reason", "drain_timeout"],
    },
  });

type Update = Readonly<{
  settings: Partial<NonNullable<UpdateWorkerRequest["settings"]>>;
  paths: string[];
}>;

type Change = Readonly<{
  flags: object;
  update: Update;
  /** What is still to be done for a worker before it is printed. */
  after?: (manager: Manager, workerId: string) => Promise<void>;
}>;

/** Changes the settings of each worker, and prints its ID once that is done. */
const change = (context: Context, ids: readonly string[], wish: Change): Promise<ExitCode> =>
  withManager(
    context,
    wish.flags,
    (manager) =>
      eachReference(context, ids, async (workerId) => {
        const { settings, paths } = wish.update;
        const requestId = createRequestId(context);
        const request = { workerId, settings: asInit(settings), updateMask: { paths }, requestId };
        await manager.updateWorker(request, callOf(context));
        await wish.after?.(manager, workerId);
        printLine(context.terminal.stdout, workerId);
      }),
    flagOfField,
  );

/** Without the type's own mark, which a part of a message lacks. */
const asInit = ({ $typeName: _, ...settings }: Update["settings"]) => settings;

const flagOfField = (field: string) =>
  ({ "settings.drain_timeout": "--timeout", "settings.reason": "--reason" })[field];

const duration = (flag: string, text: string | undefined): number | undefined =>
  text === undefined ? undefined : flagValue(flag, parseDuration(text));
