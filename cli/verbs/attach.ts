import type { Command } from "commander";
import { isTerminal, stateName } from "../../core/task-state.ts";
import { attachTask } from "../attach-task.ts";
import { CommandError } from "../command-error.ts";
import type { Context } from "../context.ts";
import type { ExitCode } from "../exit-codes.ts";
import { findTask } from "../find-task.ts";
import { parseWhole } from "../parse/parsed.ts";
import { callOf, clientCommand, flagValue, type Run, withManager } from "./client-verb.ts";

type AttachFlags = Readonly<{ tail: string; quiet?: true }>;

/** What the contract's uint32 holds. */
const UINT32_MAX = 2 ** 32 - 1;

export const attachCommand = (run: Run): Command =>
  clientCommand("attach")
    .summary("print a task's output and end with its exit code")
    .description(
      "Print what a task's containers write from now on, over restarts and moves, and end with the " +
        "exit code of the last. Ctrl-C leaves the task running. A task has no input: see berth exec.",
    )
    .argument("<task>", "ID, beginning of an ID, or name")
    .option("-n, --tail <lines>", "first so many lines of what was written before", "0")
    .option("-q, --quiet", "print no steps")
    .action((task: string, flags: AttachFlags) => run((context) => attach(context, task, flags)));

async function attach(context: Context, reference: string, flags: AttachFlags): Promise<ExitCode> {
  const tail = flagValue("--tail", parseWhole(flags.tail, 0, UINT32_MAX));
  return withManager(context, flags, async (manager) => {
    const task = await findTask(manager, reference, callOf(context));
    if (isTerminal(task.state))
      throw new CommandError(`task ${task.id} has ended: it is ${stateName(task.state)}`, {
        remedies: [`see what it wrote: berth logs ${task.id}`],
      });
    const options = { timeoutMs: undefined, quiet: flags.quiet === true, tail };
    return attachTask(context, manager, task, options);
  });
}
