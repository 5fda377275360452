import { createPassPlacer } from "../../core/pass-placer.ts";
import { byPriority, looksAtOthers, whyUnplaced } from "../../core/pending-order.ts";
import type { Observed } from "../../core/placement/candidate.ts";
import { demandOf } from "../../core/placement/demand.ts";
import { schedulers } from "../../core/placement/schedulers.ts";
import { placementOf } from "../../core/placement-message.ts";
import { refusalEndMs, wishesOf } from "../../core/placement-wishes.ts";
import { retryMs } from "../../core/restart.ts";
import { currentAttempt, schedule, type TaskChange, wait } from "../../core/task-change.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { factsOf } from "./candidates.ts";
import { createFreshMetrics } from "./fresh-metrics.ts";
import type { Ledger } from "./ledger.ts";
import type { LedgerChange } from "./ledger-change.ts";
import type { Meters } from "./meters.ts";
import type { PlacementBoard } from "./placement-board.ts";
import { taskFields } from "./task-fields.ts";
import type { WaitingList } from "./waiting-list.ts";
import type { KnownWorker, WorkerTable } from "./worker-table.ts";

type Deps = Readonly<{
  ledger: Ledger;
  workers: WorkerTable;
  board: PlacementBoard;
  clock: Clock;
  log: Log;
  meters: Pick<Meters, "pass" | "placed" | "unplaced">;
  /** How old measurements may be that count. */
  leaseMs: number;
}>;

/**
 * Places pending tasks until `signal` aborts. It wakes when a task becomes pending, before the
 * flush that makes that durable, so that both go to disk together; when capacity may have
 * appeared; when the next retry is due; and when measurements become too old. It never polls.
 */
export async function runSchedulerLoop(deps: Deps, signal: AbortSignal): Promise<void> {
  const { ledger, workers, clock } = deps;
  const bell = createBell(clock);
  const scheduler = createScheduling(deps, bell.ring);
  ledger.beforeFlush(() => scheduler.pass(clock.now()));
  const unsubscribe = ledger.subscribe(scheduler.notice);
  workers.subscribe(scheduler.meet);
  workers.all().forEach(scheduler.meet);

  while (!signal.aborted) {
    // One moment for both: a retry that comes due in between would be seen by neither.
    const now = clock.now();
    scheduler.dropOldMetrics();
    scheduler.pass(now);
    await bell.wait(signal, Math.min(scheduler.msUntilRetry(now), scheduler.msUntilStale()));
    await clock.turn();
  }
  unsubscribe();
}

/** How long the loop sleeps when nothing is to be retried. It is woken before. */
const IDLE_MS = 3_600_000;

function createScheduling(deps: Deps, wake: () => void) {
  const { ledger, workers, board, clock, log, meters, leaseMs } = deps;
  const { placer, bookings, waiting } = board;
  const fresh = createFreshMetrics(clock, leaseMs);

  const decide = createDecider(deps);

  function reconsider(news: Observed): void {
    const isMore = news === "more" || news === "new";
    if (isMore) waiting.clear();
    if (isMore || (news === "different" && waiting.clearDependent())) wake();
  }

  return {
    /** Considers every pending task that is due and has not been found unplaceable since. */
    pass(now: number): void {
      const startMs = clock.monotonic();
      const due = openTasks(ledger.tasks, waiting, now)
        .filter((task) => retryMs(task, now) <= now)
        .sort(byPriority);
      const place = createPassPlacer(placer);
      const changes = due.flatMap((task) => decide(task, now, place));
      for (const { task, reason } of changes)
        log.debug({ ...taskFields(task), to: TaskState[task.state], reason }, "task considered");
      if (changes.length > 0) void ledger.commit(changes);
      if (due.length > 0) meters.pass(clock.monotonic() - startMs);
    },
    /** Takes in what became durable: ended attempts give back what they had. */
    notice(changes: readonly LedgerChange[]): void {
      for (const { task, removed } of changes) if (removed) waiting.remove(task.id);
      reconsider(newsOf(changes, bookings.follow(changes)));
      if (changes.some(({ task }) => task.retryTime)) wake();
    },
    meet(worker: KnownWorker): void {
      // Who sleeps for want of measurements does not know when these will be too old.
      if (fresh.msUntilStale() === Number.POSITIVE_INFINITY) wake();
      const news = placer.observe(factsOf(worker, fresh.of(worker)));
      if (news === "new") bookings.bookAll(worker.workerId);
      reconsider(news);
    },
    dropOldMetrics(): void {
      for (const workerId of fresh.expire()) {
        const worker = workers.get(workerId);
        if (worker) reconsider(placer.observe(factsOf(worker, undefined)));
      }
    },
    msUntilStale: fresh.msUntilStale,
    msUntilRetry(now: number): number {
      const retries = openTasks(ledger.tasks, waiting, now).map((task) => retryMs(task, now));
      const times = [...retries, ...waiting.times()].filter((time) => time > now);
      return times.reduce((soonest, time) => Math.min(soonest, time - now), IDLE_MS);
    },
  };
}

/** Decides about a task, books what it gets, and counts what came of it. */
function createDecider({ board: { bookings, waiting }, meters }: Deps) {
  return (task: Task, now: number, place: PassPlacer): readonly TaskChange[] => {
    const scheduler = schedulers.get(task.spec?.scheduler ?? "");
    assert(task.spec && scheduler, `task ${task.id} has a valid spec`);
    const demand = demandOf(task.spec);
    const decision = place({ demand, scheduler, wishes: wishesOf(task, now) });
    if (decision.kind === "unplaced") {
      meters.unplaced(decision.exclusions[0]?.filter);
      waiting.add(task.id, refusalEndMs(task, now), looksAtOthers(demand));
      return wait(task, whyUnplaced(task, decision, now), now);
    }
    meters.placed();
    const { workerId, assigned } = decision;
    bookings.note(nameOf(task), { workerId, demand, assigned });
    return [schedule(task, placementOf(decision, scheduler.name, now), now)];
  };
}

/** Pending tasks that have not been found unplaceable since something changed. Of the others nothing is read. */
function openTasks(tasks: Ledger["tasks"], waiting: WaitingList, now: number): readonly Task[] {
  const open: Task[] = [];
  for (const taskId of tasks.pendingIds()) {
    const task = waiting.isDue(taskId, now) ? tasks.get(taskId) : undefined;
    if (task) open.push(task);
  }
  return open;
}

const nameOf = (task: Task) => ({ taskId: task.id, attempt: currentAttempt(task).number });

type PassPlacer = ReturnType<typeof createPassPlacer>;

function newsOf(changes: readonly LedgerChange[], isSomethingFree: boolean): Observed {
  if (isSomethingFree) return "more";
  return changes.some(isPlacedNow) ? "different" : "same";
}

const isPlacedNow = ({ task }: LedgerChange): boolean =>
  task.state === TaskState.SCHEDULED || task.successor !== undefined;
