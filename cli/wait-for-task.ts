import type { Task } from "../gen/berth/v1/task_pb.ts";
import { CommandError } from "./command-error.ts";
import type { Context, Manager } from "./context.ts";
import { exitCodes } from "./exit-codes.ts";
import { followAloud } from "./follow-aloud.ts";
import { isOver } from "./follow-task.ts";
import { formatAge } from "./output/format.ts";
import { progressText } from "./output/task-text.ts";
import { printLine } from "./terminal.ts";

export type WaitOptions = Readonly<{
  /** What is waited for. An end is always enough. */
  until: (task: Task) => boolean;
  /** Undefined: as long as it takes. */
  timeoutMs?: number | undefined;
  /** Whether the steps on the way are left out. */
  quiet: boolean;
}>;

/**
 * Waits until a task is as wished or has ended, and tells each step on stderr.
 * Throws a `CommandError` when time runs out, with what the task waits for.
 */
export async function waitForTask(
  context: Context,
  manager: Manager,
  start: Task,
  { until, timeoutMs, quiet }: WaitOptions,
): Promise<Task> {
  const { clock, interrupted } = context;
  const ending = await followAloud(context, manager, { start, timeoutMs, quiet }, async (step) =>
    until(step.task) || isOver(step) ? step.task : undefined,
  );
  if (ending.result) return ending.result;
  if (interrupted.aborted) {
    printLine(context.terminal.stderr, `no longer waiting for task ${start.id}, which goes on`);
    interrupted.throwIfAborted();
  }
  throw stillWaiting(ending.task, timeoutMs ?? 0, clock.now());
}

/** Says that time ran out, and what the task waits for. */
export const stillWaiting = (task: Task, timeoutMs: number, nowMs: number): CommandError =>
  new CommandError(
    `after ${formatAge(timeoutMs)} task ${task.id} is still ${progressText(task, nowMs)}`,
    { exitCode: exitCodes.badEnd, remedies: [`see its life: berth inspect ${task.id}`] },
  );
