import { isFinished, type Retention } from "../../core/retention.ts";
import { remove } from "../../core/task-change.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { createDueQueue } from "./due-queue.ts";
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
      if (!removed && isFinished(task)) queue.add(task.id);
    }
    if (queue.first() !== undefined) wake();
  });
  const finished = [...ledger.tasks.sketches()].filter((sketch) => sketch.isFinished);
  queue.fill(finished.map(({ id, updateMs }) => ({ id, sinceMs: updateMs })));
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
