import { isFinished, type Retention } from "../../core/retention.ts";
import { remove } from "../../core/task-change.ts";
import type { TaskSketch } from "../../core/task-sketch.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Ledger } from "./ledger.ts";

type Deps = Readonly<{ ledger: Ledger; clock: Clock; log: Log }>;

/** How many tasks one commit removes at most, so that no commit is long. */
const REMOVALS_PER_COMMIT = 256;

/**
 * Removes finished tasks some time after their last change, until `signal` aborts. A removal is
 * an ordinary one: the events go after it, and workers forget the containers.
 */
export async function runRetention(
  { ledger, clock, log }: Deps,
  { finishedMs }: Pick<Retention, "finishedMs">,
  signal: AbortSignal,
): Promise<void> {
  if (finishedMs === Number.POSITIVE_INFINITY) return;
  const queue = createDueQueue(finishedMs, clock);
  let wake: () => void = () => undefined;
  const unsubscribe = ledger.subscribe((changes) => {
    for (const { task, removed } of changes) {
      queue.delete(task.id);
      if (!removed && isFinished(task)) queue.add(task);
    }
    if (queue.first() !== undefined) wake();
  });
  queue.fill([...ledger.tasks.sketches()].filter((sketch) => sketch.isFinished));
  signal.addEventListener("abort", () => wake(), { once: true });

  while (!signal.aborted) {
    const first = queue.first();
    const delayMs = first === undefined ? 0 : first.dueMs - clock.monotonic();
    if (first === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    } else if (delayMs > 0) await clock.sleep(delayMs, signal);
    else await removeDue();
  }
  unsubscribe();

  async function removeDue(): Promise<void> {
    const tasks = queue.takeDue(REMOVALS_PER_COMMIT).flatMap((taskId) => {
      const task = ledger.tasks.get(taskId);
      return task && isFinished(task) ? [task] : [];
    });
    await ledger.commit(tasks.map((task) => remove(task, "finished, and kept long enough")));
    log.info({ count: tasks.length }, "finished tasks removed");
  }
}

/**
 * Finished tasks by when they are due. All are kept equally long, so the order of arrival is the
 * order in which they are due, and no step of the wall clock can change it.
 */
function createDueQueue(finishedMs: number, clock: Clock) {
  const dueMsById = new Map<string, number>();

  return {
    /** What finished before this manager started, by its age on the wall clock. */
    fill(sketches: readonly TaskSketch[]): void {
      for (const { id, updateMs } of sketches.toSorted((a, b) => a.updateMs - b.updateMs)) {
        const ageMs = clock.now() - updateMs;
        const leftMs = Math.min(finishedMs, Math.max(0, finishedMs - ageMs));
        dueMsById.set(id, clock.monotonic() + leftMs);
      }
    },
    add: ({ id }: Task): void => void dueMsById.set(id, clock.monotonic() + finishedMs),
    delete: (taskId: string): void => void dueMsById.delete(taskId),
    /** The earliest one. */
    first(): Readonly<{ dueMs: number }> | undefined {
      for (const dueMs of dueMsById.values()) return { dueMs };
      return undefined;
    },
    /** Takes out what is due, at most `limit`. */
    takeDue(limit: number): readonly string[] {
      const due: string[] = [];
      for (const [taskId, dueMs] of dueMsById) {
        if (dueMs > clock.monotonic() || due.length === limit) break;
        due.push(taskId);
      }
      for (const taskId of due) dueMsById.delete(taskId);
      return due;
    },
  };
}
