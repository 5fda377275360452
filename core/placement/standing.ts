import { assert } from "../../lib/assert.ts";
import type { Filter } from "./filters.ts";
import type { Fleet, Slot } from "./fleet.ts";
import type { Cell } from "./fleet-counts.ts";
import { createRanking, insertSorted, type Ranked, type Ranking } from "./ranking.ts";
import {
  examine,
  type Question,
  rankOf,
  readsMeasurements,
  type Survey,
  worthOf,
} from "./survey.ts";

/** A survey that is kept: asked again it looks only at workers that changed since. */
export interface Standing {
  survey(count: number): Survey;
}

export function createStanding(fleet: Fleet, question: Question): Standing {
  const journal = readsMeasurements(question) ? fleet.changes : fleet.steadyChanges;
  let board = createBoard(question);
  let seenTime = -1;

  function startOver(): readonly Slot[] {
    board = createBoard(question);
    return fleet.slots();
  }

  return {
    survey(count) {
      const changed = seenTime < 0 ? undefined : journal.since(seenTime);
      for (const slot of changed ?? startOver()) board.judge(slot);
      seenTime = journal.time();
      const { examination } = board;
      const rank = (workerId: string) => rankOf(fleet.get(workerId), examination);
      return { ...board.conclude(count), rank };
    },
  };
}

/** Workers that are alike to the rules of the demand, by worth. */
type RankedCell = Readonly<{ cell: Cell; ranking: Ranking }>;

function createBoard(question: Question) {
  const examination = examine(question);
  const { findExcluding, counts } = examination;
  const cells = new Map<string, RankedCell>();
  const cellOfWorker = new Map<string, RankedCell>();
  const exclusions = createExclusions();

  function leave(workerId: string): void {
    const from = cellOfWorker.get(workerId);
    if (from === undefined) return;
    from.ranking.delete(workerId);
    cellOfWorker.delete(workerId);
    if (from.ranking.size === 0) cells.delete(from.cell.key);
  }

  function enter(slot: Slot): void {
    const { workerId, candidate } = slot;
    assert(candidate !== undefined, "only a worker that is there can be ranked");
    const cell = counts.cellOf(candidate);
    if (cellOfWorker.get(workerId)?.cell.key !== cell.key) leave(workerId);
    const entered = cells.get(cell.key) ?? { cell, ranking: createRanking() };
    cells.set(cell.key, entered);
    cellOfWorker.set(workerId, entered);
    entered.ranking.set(workerId, worthOf(slot, question));
  }

  return {
    examination,
    judge(slot: Slot): void {
      const { workerId, candidate } = slot;
      counts.count(workerId, candidate);
      const filter = candidate && findExcluding(candidate);
      exclusions.set(workerId, filter);
      if (candidate === undefined || filter !== undefined) leave(workerId);
      else enter(slot);
    },
    conclude(count: number): Pick<Survey, "best" | "excluded"> {
      const best: Ranked[] = [];
      const refused = new Map(exclusions.counts);
      for (const { cell, ranking } of cells.values()) {
        const verdict = counts.judge(cell);
        if (verdict.kind === "excluded") recount(refused, verdict.filter, ranking.size);
        else
          for (const ranked of ranking.best(count))
            insertSorted(best, { ...ranked, lead: verdict.lead });
      }
      return { best: best.slice(0, count), excluded: refused };
    },
  };
}

/** By which filter each worker is excluded, and how many by each. */
function createExclusions() {
  const filters = new Map<string, Filter>();
  const counts = new Map<Filter, number>();
  return {
    counts,
    set(workerId: string, filter: Filter | undefined): void {
      const before = filters.get(workerId);
      if (before !== undefined) recount(counts, before, -1);
      if (filter === undefined) filters.delete(workerId);
      else {
        recount(counts, filter, 1);
        filters.set(workerId, filter);
      }
    },
  };
}

function recount(counts: Map<Filter, number>, filter: Filter, difference: number): void {
  const count = (counts.get(filter) ?? 0) + difference;
  if (count === 0) counts.delete(filter);
  else counts.set(filter, count);
}
