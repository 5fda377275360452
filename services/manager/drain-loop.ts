import { type Block, type DrainStep, MOVES_AT_ONCE, planDrain } from "../../core/drain.ts";
import { beginMove, handOver, leave, withdraw } from "../../core/move.ts";
import { demandOf, keyOf } from "../../core/placement/demand.ts";
import { schedulers } from "../../core/placement/schedulers.ts";
import { placementOf } from "../../core/placement-message.ts";
import { moveWishes } from "../../core/placement-wishes.ts";
import type { TaskChange } from "../../core/task-change.ts";
import { drainDeadlineMs, isDraining, type WorkerRecord } from "../../core/worker-settings.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { DrainBoard } from "./drains.ts";
import type { Ledger } from "./ledger.ts";
import type { PlacementBoard } from "./placement-board.ts";
import { taskFields } from "./task-fields.ts";
import type { WorkerTable } from "./worker-table.ts";

type Deps = Readonly<{
  ledger: Ledger;
  workers: WorkerTable;
  board: PlacementBoard;
  drains: DrainBoard;
  clock: Clock;
  log: Log;
}>;

/** How long the loop sleeps when nothing is to be done at a certain time. It is woken before. */
const IDLE_MS = 3_600_000;

/**
 * Moves tasks away from draining workers until `signal` aborts. It wakes when an operator decides
 * something, when a task or a worker changes while a worker drains, when a drain's time is up and
 * when a move may be tried again. It begins after the scheduler loop, which keeps the board.
 */
export async function runDrainLoop(deps: Deps, signal: AbortSignal): Promise<void> {
  const { ledger, workers, clock } = deps;
  const bell = createBell(clock);
  const onNews = () => {
    if (ledger.workers.some(isDraining)) bell.ring();
  };
  const unsubscribe = ledger.subscribe(onNews);
  workers.subscribe(onNews);
  ledger.workers.subscribe(bell.ring);

  while (!signal.aborted) {
    const now = clock.now();
    const nextMs = pass(now, deps);
    await bell.wait(signal, Math.min(IDLE_MS, nextMs - now));
    await clock.turn();
  }
  unsubscribe();
}

/** Does what is due. When there is something to do next, though nothing happens. */
function pass(now: number, deps: Deps): number {
  let nextMs = Number.POSITIVE_INFINITY;
  for (const [workerId, record] of deps.ledger.workers.all()) {
    if (isDraining(record)) nextMs = Math.min(nextMs, drain({ workerId, record, now }, deps));
    else deps.drains.set(workerId, []);
  }
  return nextMs;
}

type Draining = Readonly<{ workerId: string; record: WorkerRecord; now: number }>;

function drain({ workerId, record, now }: Draining, deps: Deps): number {
  const { ledger, drains, log } = deps;
  const deadlineMs = drainDeadlineMs(record);
  const plan = planDrain(ledger.tasks.placedOn(workerId), { workerId, deadlineMs, now });
  const mover = createMover({ workerId, record, now }, deps);
  let budget = MOVES_AT_ONCE - plan.movingCount;
  const blocks: Block[] = [];
  const changes: TaskChange[] = [];
  for (const step of plan.steps) {
    const outcome = mover.take(step, budget > 0);
    if (outcome.kind === "blocked") blocks.push({ taskId: step.task.id, reason: outcome.reason });
    else {
      budget--;
      changes.push(outcome.change);
    }
  }
  for (const { task, reason } of changes) log.info({ ...taskFields(task), reason }, "task moves");
  if (changes.length > 0) void ledger.commit(changes);
  drains.set(workerId, blocks);
  return plan.nextMs;
}

type Outcome =
  | Readonly<{ kind: "changed"; change: TaskChange }>
  | Readonly<{ kind: "blocked"; reason: string }>;

/** Carries out the steps of one pass over one draining worker. */
function createMover({ workerId, record, now }: Draining, { board }: Deps) {
  const { reason: words } = record.settings;
  const why = `${workerId} drains${words === "" ? "" : `: ${words}`}`;
  const place = createPlacing(board, now);
  const changed = (change: TaskChange): Outcome => ({ kind: "changed", change });
  const blocked = (reason: string): Outcome => ({ kind: "blocked", reason });

  function move(task: Task): Outcome {
    const placed = place(task);
    if (placed.kind === "unplaced") return blocked(`no worker can take it: ${placed.explanation}`);
    const placement = placementOf(placed, placed.scheduler.name, now);
    const change = beginMove(task, { placement, reason: why, now });
    const attempt = change.task.successor?.number ?? 0;
    const { workerId: target, demand, assigned } = placed;
    board.bookings.note({ taskId: task.id, attempt }, { workerId: target, demand, assigned });
    return changed(change);
  }

  /** Asks for a place and gives it back: only the next attempt will need it. */
  function stopFirst(task: Task): Outcome {
    const placed = place(task);
    if (placed.kind === "unplaced") return blocked(`no worker can take it: ${placed.explanation}`);
    board.placer.release(placed.workerId, placed.demand, placed.assigned);
    return changed(leave(task, why, now));
  }

  return {
    take(step: DrainStep, hasBudget: boolean): Outcome {
      const { kind, task } = step;
      switch (kind) {
        case "wait":
          return blocked(step.reason);
        case "withdraw":
          return changed(withdraw(task, why, now));
        case "hasten":
          return changed(handOver(task, now));
        case "evict":
          return changed(leave(task, `${why}, and its time is up`, now));
        case "move":
          return hasBudget ? move(task) : blocked("waits for its turn");
        case "leave":
          return hasBudget ? stopFirst(task) : blocked("waits for its turn");
      }
    },
  };
}

/** Places and books one more attempt of a task, elsewhere, or says why that cannot be. */
function createPlacing({ placer }: PlacementBoard, now: number) {
  /** Why no worker can take what is asked for: what was found once holds for the whole pass. */
  const hopeless = new Map<string, string>();

  return (task: Task) => {
    const scheduler = schedulers.get(task.spec?.scheduler ?? "");
    assert(task.spec && scheduler, `task ${task.id} has a valid spec`);
    const demand = demandOf(task.spec);
    const wishes = moveWishes(task, now);
    const key = [scheduler.name, keyOf(demand), ...wishes.exclude].join(" ");
    const known = hopeless.get(key);
    if (known !== undefined) return { kind: "unplaced", explanation: known } as const;
    const decision = placer.place(demand, scheduler, wishes);
    if (decision.kind === "placed") return { ...decision, demand, scheduler } as const;
    hopeless.set(key, decision.explanation);
    return decision;
  };
}
