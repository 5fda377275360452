import type { ConnectError } from "@connectrpc/connect";
import { decideRestart } from "../core/restart.ts";
import { isTerminal } from "../core/task-state.ts";
import { toMillis } from "../core/time.ts";
import type { Task } from "../gen/berth/v1/task_pb.ts";
import type { Clock } from "../lib/clock.ts";
import type { Manager } from "./context.ts";
import { nameOf } from "./output/task-text.ts";
import { isCompacted, type Watched, watchTasks } from "./watch-tasks.ts";

/** What happens to one task. */
export type Step =
  | Readonly<{ kind: "changed"; task: Task }>
  | Readonly<{ kind: "removed"; task: Task }>
  | Readonly<{ kind: "reconnecting"; error: ConnectError }>;

/** Whether nothing more will come of the task: it is gone, or ended without another attempt. */
export const isOver = (step: Step): boolean =>
  step.kind === "removed" || (step.kind === "changed" && hasEnded(step.task));

const hasEnded = (task: Task): boolean => isTerminal(task.state) && !isTriedAgain(task);

/**
 * Whether another attempt follows the one that ended. The manager writes the end
 * and the next attempt one after the other: between them the task looks ended.
 */
function isTriedAgain(task: Task): boolean {
  const now = task.updateTime ? toMillis(task.updateTime) : 0;
  return decideRestart(task, { now, jitter: 0 }).kind !== "rested";
}

type Options = Readonly<{ clock: Clock; signal: AbortSignal }>;

/** Every change of a task from how the caller knows it, that included. Goes on after its removal until the caller leaves. */
export async function* followTask(
  manager: Manager,
  start: Task,
  options: Options,
): AsyncGenerator<Step, void, undefined> {
  let known = start;
  yield { kind: "changed", task: known };
  while ((yield* changesOf(manager, known, options)) === "compacted") {
    const { task } = await manager.getTask({ taskId: known.id }, { signal: options.signal });
    known = task ?? known;
    yield { kind: "changed", task: known };
  }
}

/** Changes since the caller's knowledge, until there are no more or they are no longer kept. */
async function* changesOf(
  manager: Manager,
  known: Task,
  { clock, signal }: Options,
): AsyncGenerator<Step, "compacted" | "ended", undefined> {
  const filter = { name: nameOf(known) };
  try {
    const watch = watchTasks(manager, { filter, afterRevision: known.revision, clock, signal });
    for await (const watched of watch) yield* stepsOf(watched, known.id);
  } catch (error) {
    if (isCompacted(error)) return "compacted";
    throw error;
  }
  return "ended";
}

/** What a watch by name tells of one task: others may share the name. */
function stepsOf(watched: Watched, taskId: string): readonly Step[] {
  if (watched.kind === "reconnecting") return [watched];
  return watched.changes.flatMap(({ task, removed }): readonly Step[] =>
    task?.id === taskId ? [{ kind: removed ? "removed" : "changed", task }] : [],
  );
}
