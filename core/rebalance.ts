import { RestartMode, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { assert } from "../lib/assert.ts";
import { type Block, isSingleton } from "./drain.ts";
import { liveOn } from "./live-attempts.ts";
import { whyNotMovable } from "./move.ts";
import { book, unbook } from "./placement/booking.ts";
import type { Candidate } from "./placement/candidate.ts";
import { type Demand, demandOf, keyOf } from "./placement/demand.ts";
import { ALL_FILTERS, verdict } from "./placement/filters.ts";
import { fullnessOf } from "./placement/spread.ts";
import { currentAttempt, workerOf } from "./task-change.ts";
import { toMillis } from "./time.ts";

/** A task that is better off on another worker. */
export type PlannedMove = Readonly<{
  task: Task;
  demand: Demand;
  fromWorkerId: string;
  toWorkerId: string;
  reason: string;
}>;

export type RebalancePlan = Readonly<{
  /** In the order in which they are to be begun: each counts on those before it. */
  moves: readonly PlannedMove[];
  /** Tasks on workers that have too much, which cannot be moved. */
  blocks: readonly Block[];
}>;

export type Fleet = Readonly<{
  /** In the order of IDs. Only those that are ready take part. */
  workers: readonly Candidate[];
  tasksOn: (workerId: string) => Iterable<Task>;
  now: number;
  movesMax: number;
}>;

/** Workers whose fullness differs by less than this share of the fuller one's are even enough. */
const GAP_MIN = 0.1;

/** A task that was placed less than this ago is left alone: it would never get to work. */
const SETTLED_MS = 60_000;

/** How many blocks an answer names, as the contract says. */
const BLOCKS_MAX = 100;

/** Schedulers that want workers to be equally full. What others placed stays where they put it. */
const EVENING_SCHEDULERS: readonly string[] = ["spread", "round-robin"];

/**
 * Which moves make the workers equally full, as `spread` counts it: one after another the one that
 * brings the fullest worker closest to the emptiest. Each move makes the fuller of its two workers
 * less full, so a plan ends, and a fleet that has been rebalanced has nothing to gain.
 */
export function planRebalance(fleet: Fleet): RebalancePlan {
  const board = createBoard(fleet);
  const moves: PlannedMove[] = [];
  while (moves.length < fleet.movesMax) {
    const next = bestMove(board);
    if (!next) break;
    board.carryOut(next);
    moves.push(next);
  }
  return { moves, blocks: blocksOf(board).slice(0, BLOCKS_MAX) };
}

type Movable = Readonly<{ task: Task; demand: Demand }>;

type Board = ReturnType<typeof createBoard>;

/** A worker that takes part. */
type Site = Readonly<{
  workerId: string;
  /** With all that is promised on it now: what another task has to fit beside. */
  now: Candidate;
  /** As it will be once all moves are over, those planned so far included. */
  later: Candidate;
  movable: readonly Movable[];
  stuck: readonly Block[];
}>;

function createBoard({ workers, tasksOn, now }: Fleet) {
  const sites = new Map<string, Site>();
  for (const candidate of workers.filter(({ ready }) => ready)) {
    const { workerId } = candidate;
    const tasks = [...tasksOn(workerId)];
    const later = tasks.filter((task) => departs(task, workerId)).reduce(without, candidate);
    sites.set(workerId, { workerId, now: candidate, later, ...sortOut(tasks, workerId, now) });
  }
  const sorted = (compare: (a: Site, b: Site) => number) => [...sites.values()].sort(compare);

  return {
    /** The fullest first; of equals in the order of IDs. */
    byFullness: () => sorted((a, b) => fullnessOf(b.later) - fullnessOf(a.later)),
    /** The emptiest first; of equals in the order of IDs. */
    byEmptiness: () => sorted((a, b) => fullnessOf(a.later) - fullnessOf(b.later)),
    carryOut({ task, demand, fromWorkerId, toWorkerId }: PlannedMove): void {
      const [from, to] = [sites.get(fromWorkerId), sites.get(toWorkerId)];
      assert(
        from && to,
        `a move is between workers that take part: ${fromWorkerId}, ${toWorkerId}`,
      );
      const movable = from.movable.filter((other) => other.task !== task);
      sites.set(fromWorkerId, { ...from, later: unbook(from.later, demand), movable });
      sites.set(toWorkerId, { ...to, now: book(to.now, demand), later: book(to.later, demand) });
    },
  };
}

/** Whether an attempt on the worker is about to go, so that what it has there will be free. */
const departs = (task: Task, workerId: string): boolean =>
  liveOn(task, workerId).some(
    ({ role, attempt }) =>
      role === "past" ||
      (role === "current" && (task.successor !== undefined || attempt.leaveReason !== "")),
  );

const without = (candidate: Candidate, { spec }: Task): Candidate =>
  spec ? unbook(candidate, demandOf(spec)) : candidate;

/** Which tasks of a worker may move, and why the others may not. */
function sortOut(tasks: readonly Task[], workerId: string, now: number) {
  const movable: Movable[] = [];
  const stuck: Block[] = [];
  for (const task of tasks.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    if (!task.spec || workerOf(task) !== workerId) continue;
    const reason = whyLeftAlone(task, now);
    if (reason === undefined) movable.push({ task, demand: demandOf(task.spec) });
    else stuck.push({ taskId: task.id, reason });
  }
  return { movable, stuck };
}

/** Why a task stays where it is, whatever there would be to gain. Undefined when it may move. */
function whyLeftAlone(task: Task, now: number): string | undefined {
  const obstacle = whyNotMovable(task);
  if (obstacle !== undefined) return obstacle;
  if (task.state !== TaskState.RUNNING) return "does not run yet";
  if (task.spec?.restartPolicy?.mode === RestartMode.NO) return "ends by itself";
  if (isSingleton(task)) return "may never run twice";
  const scheduler = task.spec?.scheduler ?? "";
  if (!EVENING_SCHEDULERS.includes(scheduler)) return `was placed by ${scheduler}`;
  if (wantsItsPlace(task)) return "is where its spreads or affinities want it";
  const placeTime = currentAttempt(task).placement?.placeTime;
  const isFresh = placeTime !== undefined && toMillis(placeTime) > now - SETTLED_MS;
  return isFresh ? "was placed less than a minute ago" : undefined;
}

/** Whether more than room decided where a task is: to be even is worth less than that. */
const wantsItsPlace = ({ spec }: Task): boolean =>
  spec !== undefined &&
  spec.affinities.length + spec.spreads.length + spec.taskAffinities.length > 0;

/** The best move off the fullest worker that has one. */
function bestMove(board: Board): PlannedMove | undefined {
  const targets = board.byEmptiness();
  for (const from of board.byFullness()) {
    const found = bestMoveOff(from, targets);
    if (found) return found;
  }
  return undefined;
}

/** Of equal demands only one task is looked at: the others would do the same. */
function bestMoveOff(from: Site, targets: readonly Site[]): PlannedMove | undefined {
  const seen = new Set<string>();
  let best: Readonly<{ move: PlannedMove; fullness: number }> | undefined;
  for (const movable of from.movable) {
    const key = keyOf(movable.demand);
    if (seen.has(key)) continue;
    seen.add(key);
    const option = weigh(movable, from, targets);
    if (option && option.fullness < (best?.fullness ?? Number.POSITIVE_INFINITY)) best = option;
  }
  return best?.move;
}

/** How full the fuller of the two is after the move to the emptiest worker that can take the task. */
function weigh({ task, demand }: Movable, from: Site, targets: readonly Site[]) {
  const before = fullnessOf(from.later);
  const to = targets.find(
    (target) => isEmptyEnough(target, before) && target !== from && canTake(target.now, demand),
  );
  if (!to) return undefined;
  const fullness = Math.max(
    fullnessOf(unbook(from.later, demand)),
    fullnessOf(book(to.later, demand)),
  );
  if (fullness >= before) return undefined;
  const names = { fromWorkerId: from.workerId, toWorkerId: to.workerId };
  const [much, little] = [percent(before), percent(fullnessOf(to.later))];
  const reason = `${from.workerId} is ${much} full, ${to.workerId} ${little}`;
  return { move: { task, demand, ...names, reason }, fullness };
}

const isEmptyEnough = ({ later }: Site, fullest: number): boolean =>
  fullest - fullnessOf(later) > GAP_MIN * fullest;

const canTake = (target: Candidate, demand: Demand): boolean =>
  ALL_FILTERS.every((filter) => verdict(filter, target, demand).kind === "passes");

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** What stays on workers that are too full even after the moves. */
function blocksOf(board: Board): readonly Block[] {
  const [emptiest] = board.byEmptiness();
  if (!emptiest) return [];
  return board
    .byFullness()
    .filter(({ later }) => isEmptyEnough(emptiest, fullnessOf(later)))
    .flatMap(({ stuck }) => stuck);
}
