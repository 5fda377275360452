import { ConnectError } from "@connectrpc/connect";
import { type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { CommandError } from "./command-error.ts";
import type { Context, Manager } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { followAloud } from "./follow-aloud.ts";
import { isOver } from "./follow-task.ts";
import { oneLine } from "./output/format.ts";
import { streamLogs } from "./stream-logs.ts";
import { printLine } from "./terminal.ts";
import { stillWaiting } from "./wait-for-task.ts";

type AttachOptions = Readonly<{
  /** How long it may take until it runs. */
  timeoutMs: number | undefined;
  quiet: boolean;
  /** Of the attempt that runs already only so many of its last lines. Absent: all. */
  tail?: number;
}>;

/**
 * Prints what a task's containers write, one attempt after the other, until it
 * has ended. Answers with the exit code of the last container.
 */
export async function attachTask(
  context: Context,
  manager: Manager,
  start: Task,
  { timeoutMs, quiet, tail }: AttachOptions,
): Promise<ExitCode> {
  const { clock, interrupted, terminal } = context;
  const printLogs = createLogPrinter(context, manager, { start, tail });
  const { task, result } = await followAloud(
    context,
    manager,
    { start, timeoutMs, quiet },
    async (step, { teller, stopTheClock }) => {
      if (hasContainer(step.task)) {
        stopTheClock();
        teller.pause();
      }
      await printLogs(step.task);
      return isOver(step) ? endOf(step.task) : undefined;
    },
  );
  if (result !== undefined) return result;
  if (!interrupted.aborted) throw stillWaiting(task, timeoutMs ?? 0, clock.now());
  printLine(terminal.stderr, `task ${start.id} goes on; to stop it: berth stop ${start.id}`);
  return exitCodes.interrupted;
}

const hasContainer = ({ state, attempt }: Task): boolean =>
  state === TaskState.RUNNING || (attempt?.status?.containerId ?? "") !== "";

/**
 * Prints the logs of each attempt once, as long as its container runs. Logs that
 * cannot be read are told of and do not end the wait: the exit code still comes.
 */
function createLogPrinter(
  { terminal, interrupted: signal }: Context,
  manager: Manager,
  { start, tail }: Readonly<{ start: Task; tail: number | undefined }>,
) {
  let printed = 0;
  const begun = hasContainer(start) ? start.attempt?.number : undefined;
  const beginning = (attempt: number) => (attempt === begun && tail !== undefined ? { tail } : {});
  return async (task: Task): Promise<void> => {
    const attempt = task.attempt?.number ?? 0;
    if (!hasContainer(task) || attempt <= printed) return;
    printed = attempt;
    try {
      const request = { taskId: task.id, attempt, follow: true, ...beginning(attempt) };
      await streamLogs(manager, request, { terminal, signal, timestamps: false, prefix: false });
    } catch (error) {
      if (signal.aborted) return;
      const why = oneLine(ConnectError.from(error).rawMessage);
      printLine(terminal.stderr, `cannot read the logs of task ${task.id}: ${why}`);
    }
  };
}

function endOf(task: Task): ExitCode {
  if (task.state === TaskState.COMPLETED) return exitCodes.ok;
  const { exitCode } = task.attempt?.status ?? {};
  if (task.state === TaskState.FAILED && exitCode !== undefined) return exitCode;
  throw new CommandError(`task ${task.id} ended without an exit code`, {
    exitCode: exitCodes.badEnd,
    remedies: [`see why: berth inspect ${task.id}`],
  });
}
