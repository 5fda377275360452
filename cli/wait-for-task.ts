import type { Task } from "../gen/berth/v1/task_pb.ts";
import type { Clock } from "../lib/clock.ts";
import { CommandError } from "./command-error.ts";
import type { Context, Manager } from "./context.ts";
import { exitCodes } from "./exit-codes.ts";
import { followTask, isOver, type Step } from "./follow-task.ts";
import { formatAge } from "./output/format.ts";
import { nameOf, progressText } from "./output/task-text.ts";
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
  const deadline = createDeadline(clock, timeoutMs, interrupted);
  const tell = createTeller(context, quiet);
  let task = start;
  try {
    for await (const step of followTask(manager, start, { clock, signal: deadline.signal })) {
      tell(step);
      if (step.kind === "reconnecting") continue;
      task = step.task;
      if (until(task) || isOver(step)) return task;
    }
  } finally {
    deadline.cancel();
  }
  if (interrupted.aborted) {
    printLine(context.terminal.stderr, `no longer waiting for task ${task.id}, which goes on`);
    interrupted.throwIfAborted();
  }
  throw stillWaiting(task, timeoutMs ?? 0, clock.now());
}

/** A signal that aborts when time runs out or the user leaves. Undefined: as long as it takes. */
export function createDeadline(
  clock: Clock,
  timeoutMs: number | undefined,
  interrupted: AbortSignal,
): Readonly<{ signal: AbortSignal; cancel: () => void }> {
  if (timeoutMs === undefined) return { signal: interrupted, cancel: () => undefined };
  const timedOut = new AbortController();
  return {
    signal: AbortSignal.any([interrupted, timedOut.signal]),
    cancel: clock.after(timeoutMs, () => timedOut.abort()),
  };
}

/** Prints a step on stderr when it says something new. */
export function createTeller({ terminal, clock }: Context, quiet: boolean): (step: Step) => void {
  let told = "";
  return (step) => {
    const line = textOf(step, clock.now());
    if (!quiet && line !== told) printLine(terminal.stderr, line);
    told = line;
  };
}

function textOf(step: Step, nowMs: number): string {
  switch (step.kind) {
    case "reconnecting":
      return "the manager is away, calling again";
    case "removed":
      return `${nameOf(step.task)}: removed`;
    case "changed":
      return `${nameOf(step.task)}: ${progressText(step.task, nowMs)}`;
  }
}

/** Says that time ran out, and what the task waits for. */
export const stillWaiting = (task: Task, timeoutMs: number, nowMs: number): CommandError =>
  new CommandError(
    `after ${formatAge(timeoutMs)} task ${task.id} is still ${progressText(task, nowMs)}`,
    { exitCode: exitCodes.badEnd, remedies: [`see its life: berth inspect ${task.id}`] },
  );
