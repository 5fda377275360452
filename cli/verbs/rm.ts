import { Code, ConnectError } from "@connectrpc/connect";
import type { Command } from "commander";
import { CommandError } from "../command-error.ts";
import type { Context, Manager } from "../context.ts";
import type { ExitCode } from "../exit-codes.ts";
import { findTask } from "../find-task.ts";
import { oneLine } from "../output/format.ts";
import { createRequestId } from "../request-id.ts";
import { printLine } from "../terminal.ts";
import { callOf, clientCommand, type Run, withManager } from "./client-verb.ts";
import { eachReference } from "./each-reference.ts";

type RmFlags = Readonly<{ force?: true }>;

export const rmCommand = (run: Run): Command =>
  clientCommand("rm")
    .summary("remove tasks")
    .description("Remove the records, events and containers of ended tasks, and print their IDs.")
    .argument("<tasks...>", "IDs, beginnings of IDs, or names")
    .option("-f, --force", "stop tasks that have not ended, then remove them")
    .action((tasks: string[], flags: RmFlags) => run((context) => rm(context, tasks, flags)));

async function rm(
  context: Context,
  references: readonly string[],
  flags: RmFlags,
): Promise<ExitCode> {
  async function removeOne(manager: Manager, reference: string): Promise<void> {
    const { id: taskId } = await findTask(manager, reference, callOf(context));
    const requestId = createRequestId(context);
    const force = flags.force === true;
    try {
      await manager.removeTask({ taskId, requestId, force }, callOf(context));
    } catch (error) {
      throw explain(error, taskId);
    }
    printLine(context.terminal.stdout, taskId);
  }
  return withManager(context, flags, (manager) =>
    eachReference(context, references, (reference) => removeOne(manager, reference)),
  );
}

/** Adds the remedy to the one refusal that users meet. */
function explain(error: unknown, taskId: string): unknown {
  const refusal = ConnectError.from(error);
  if (refusal.code !== Code.FailedPrecondition) return error;
  return new CommandError(oneLine(refusal.rawMessage), {
    remedies: [`stop it first: berth stop ${taskId}`, `or do both: berth rm --force ${taskId}`],
    cause: error,
  });
}
