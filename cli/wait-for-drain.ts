import { type Worker, WorkerAvailability } from "../gen/berth/v1/worker_pb.ts";
import { CommandError } from "./command-error.ts";
import type { Context, Manager } from "./context.ts";
import { createDeadline } from "./deadline.ts";
import { exitCodes } from "./exit-codes.ts";
import { formatAge } from "./output/format.ts";
import { printLine } from "./terminal.ts";
import { watchTasks } from "./watch-tasks.ts";

type Options = Readonly<{
  workerId: string;
  /** Undefined: as long as it takes. */
  timeoutMs: number | undefined;
}>;

/**
 * Waits until nothing is left on a draining worker, and tells on stderr what holds it up. It looks
 * when a task has changed. Throws a `CommandError` when time runs out.
 */
export async function waitForDrain(
  context: Context,
  manager: Manager,
  { workerId, timeoutMs }: Options,
): Promise<void> {
  const { clock, interrupted, terminal } = context;
  const deadline = createDeadline(clock, timeoutMs, interrupted);
  const watch = { manager, workerId, signal: deadline.signal };
  const isDone = await untilEmpty(watch, context).finally(deadline.cancel);
  if (isDone) return;
  if (interrupted.aborted) {
    printLine(terminal.stderr, `no longer waiting for ${workerId}, which goes on draining`);
    interrupted.throwIfAborted();
  }
  throw new CommandError(`after ${formatAge(timeoutMs ?? 0)} ${workerId} is not empty`, {
    exitCode: exitCodes.badEnd,
    remedies: [`see what holds it up: berth workers ${workerId}`],
  });
}

type Watch = Readonly<{ manager: Manager; workerId: string; signal: AbortSignal }>;

/** Whether the worker is empty. False when the wait was cut short. */
async function untilEmpty({ manager, workerId, signal }: Watch, context: Context) {
  const tell = createTeller(context);
  try {
    for await (const news of watchTasks(manager, { filter: {}, clock: context.clock, signal })) {
      if (news.kind === "reconnecting") continue;
      const { worker } = await manager.getWorker({ workerId }, { signal });
      if (!worker || isEmpty(worker)) return true;
      tell(worker);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return false;
}

/** Prints how far a drain has come when that is new. */
function createTeller({ terminal }: Context): (worker: Worker) => void {
  let told = "";
  return (worker) => {
    const line = progressOf(worker);
    if (line !== told) printLine(terminal.stderr, line);
    told = line;
  };
}

/** Whether nothing is left. Throws when nobody wants the worker drained any more. */
function isEmpty({ id, settings, drain }: Worker): boolean {
  if (settings?.availability !== WorkerAvailability.DRAINING)
    throw new CommandError(`${id} does not drain any more`, {
      exitCode: exitCodes.badEnd,
      remedies: [`see how it stands: berth workers ${id}`],
    });
  return drain?.remainingCount === 0;
}

/** How many reasons a line tells. The rest is in `berth workers`. */
const REASONS_MAX = 3;

function progressOf({ id, drain }: Worker): string {
  const { remainingCount = 0, blocks = [] } = drain ?? {};
  const reasons = blocks.slice(0, REASONS_MAX).map(({ taskId, reason }) => `${taskId} ${reason}`);
  const more = blocks.length > REASONS_MAX ? [`${blocks.length - REASONS_MAX} more`] : [];
  return [`${id}: ${remainingCount} left`, ...reasons, ...more].join("; ");
}
