import {
  type Deadline,
  deadlineOf,
  giveUpPlacement,
  unacceptedText,
} from "../../core/deadlines.ts";
import { currentAttempt, wait, workerOf } from "../../core/task-change.ts";
import { type LinkSight, overdueStop, waitingFor } from "../../core/waiting.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Ledger } from "./ledger.ts";
import type { LedgerChange } from "./ledger-change.ts";
import type { Observer } from "./observer.ts";
import { taskFields } from "./task-fields.ts";
import type { KnownWorker, WorkerTable } from "./worker-table.ts";

type Deps = Readonly<{
  ledger: Ledger;
  workers: WorkerTable;
  observer: Pick<Observer, "refuse">;
  clock: Clock;
  log: Log;
}>;

/** How long the loop sleeps when nothing has a deadline. It is woken before. */
const IDLE_MS = 3_600_000;

/** The states in which the manager watches how long they last. */
const WATCHED: ReadonlySet<TaskState> = new Set([
  TaskState.PENDING,
  TaskState.SCHEDULED,
  TaskState.STOPPING,
]);

/**
 * Sees to it that no task stays in a state for ever without a word, until `signal` aborts: acts
 * when a deadline passes, and says so when a link breaks on which a task waits.
 */
export async function runDeadlines(deps: Deps, signal: AbortSignal): Promise<void> {
  const { ledger, workers, clock } = deps;
  const bell = createBell(clock);
  const deadlines = createDeadlines(deps, bell.ring);
  for (const { id, state } of ledger.tasks.sketches()) deadlines.track(id, state);
  const unsubscribe = ledger.subscribe((changes) => deadlines.notice(changes));
  workers.all().forEach(deadlines.meet);
  workers.subscribe(deadlines.meet);
  while (!signal.aborted) {
    const dueMs = deadlines.pass(clock.now());
    await bell.wait(signal, dueMs - clock.now());
    await clock.turn();
  }
  unsubscribe();
}

function createDeadlines(deps: Deps, wake: () => void) {
  const { ledger, clock } = deps;
  const watched = new Set<string>();
  const links = new Map<string, LinkSight>();
  let nextMs = Number.POSITIVE_INFINITY;

  const linkOf = (task: Task) => links.get(workerOf(task));

  /** When something is due of a task, if anything ever is. */
  function track(taskId: string, state: TaskState): number {
    watched.delete(taskId);
    const task = WATCHED.has(state) ? ledger.tasks.get(taskId) : undefined;
    const deadline = task && deadlineOf(task, linkOf(task));
    // Without a link there is no deadline, but there may be one.
    if (deadline || (task && task.state !== TaskState.PENDING)) watched.add(taskId);
    return deadline?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  const trackChange = ({ task, removed }: LedgerChange): number =>
    track(task.id, removed ? TaskState.UNSPECIFIED : task.state);

  /** Says of the tasks on a worker that its link is what they wait for, or is no longer. */
  function retell(workerId: string): void {
    const now = clock.now();
    const changes = [...ledger.tasks.placedOn(workerId)]
      .filter((task) => workerOf(task) === workerId)
      .flatMap((task) => wait(task, waitingFor(task, linkOf(task)), now));
    if (changes.length > 0) void ledger.commit(changes);
  }

  return {
    track,
    notice(changes: readonly LedgerChange[]): void {
      const dueMs = changes.map(trackChange).reduce((a, b) => Math.min(a, b), nextMs);
      if (dueMs < nextMs) wake();
    },
    meet({ workerId, linked }: KnownWorker): void {
      if (links.get(workerId)?.linked === linked) return;
      links.set(workerId, { linked, sinceMs: clock.now() });
      retell(workerId);
      wake();
    },
    /** Acts on what is due. When the next deadline passes. */
    pass(now: number): number {
      nextMs = now + IDLE_MS;
      for (const taskId of [...watched]) {
        const task = ledger.tasks.get(taskId);
        const deadline = task && deadlineOf(task, linkOf(task));
        if (!deadline) continue;
        if (deadline.dueMs <= now) act(task, deadline, { ...deps, link: linkOf(task) });
        else nextMs = Math.min(nextMs, deadline.dueMs);
      }
      return nextMs;
    },
  };
}

function act(
  task: Task,
  { kind }: Deadline,
  { ledger, observer, clock, log, link }: Deps & Readonly<{ link: LinkSight | undefined }>,
): void {
  const now = clock.now();
  log.info({ ...taskFields(task), deadline: kind }, "deadline passed");
  switch (kind) {
    case "unplaced":
      return void ledger.commit([giveUpPlacement(task, now)]);
    case "unaccepted":
      observer.refuse(
        { taskId: task.id, attempt: currentAttempt(task).number },
        unacceptedText(task, link),
      );
      return;
    case "overdue":
      return void ledger.commit(wait(task, overdueStop(task), now));
  }
}
