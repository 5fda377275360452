import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";
import { isTerminal } from "../../core/task-state.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import type { Context, Manager } from "../context.ts";
import type { ExitCode } from "../exit-codes.ts";
import { findTask } from "../find-task.ts";
import { parseDuration } from "../parse/duration.ts";
import { printLine } from "../terminal.ts";
import { waitForTask } from "../wait-for-task.ts";
import { callOf, clientCommand, flagValue, type Run, withManager } from "./client-verb.ts";
import { eachReference } from "./each-reference.ts";

type StopFlags = Readonly<{ time?: string; wait?: true; waitTimeout?: string }>;

export const stopCommand = (run: Run): Command =>
  clientCommand("stop")
    .summary("stop tasks")
    .description(
      "Stop the containers of tasks and keep their records. Prints the ID of each task whose stop is durable; with --wait once it has ended.",
    )
    .argument("<tasks...>", "IDs, beginnings of IDs, or names")
    .option(
      "-t, --time <time>",
      "time between the stop signal and the kill (default: the task's own)",
    )
    .option("--wait", "wait until they have ended")
    .option("--wait-timeout <time>", "give up waiting for a task after this time")
    .action((tasks: string[], flags: StopFlags) => run((context) => stop(context, tasks, flags)));

async function stop(
  context: Context,
  references: readonly string[],
  flags: StopFlags,
): Promise<ExitCode> {
  const graceMs = duration("--time", flags.time);
  const timeoutMs = duration("--wait-timeout", flags.waitTimeout);
  const flagOfField = (field: string) => (field === "grace" ? "--time" : undefined);

  async function stopOne(manager: Manager, reference: string): Promise<void> {
    const { id: taskId } = await findTask(manager, reference, callOf(context));
    const grace = graceMs === undefined ? {} : { grace: durationFromMs(graceMs) };
    const { task } = await manager.stopTask({ taskId, ...grace }, callOf(context));
    assert(task, "the manager answers a stop with the task");
    if (flags.wait) {
      await waitForTask(context, manager, task, { until: hasEnded, timeoutMs, quiet: false });
    }
    printLine(context.terminal.stdout, taskId);
  }

  return withManager(
    context,
    flags,
    (manager) => eachReference(context, references, (reference) => stopOne(manager, reference)),
    flagOfField,
  );
}

const hasEnded = ({ state }: Task): boolean => isTerminal(state);

const duration = (flag: string, text: string | undefined): number | undefined =>
  text === undefined ? undefined : flagValue(flag, parseDuration(text));
