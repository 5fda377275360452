import { createDemand } from "./demand.ts";
import { createExclusions } from "./exclusions.ts";
import { type Fleet, isKnown, type Known, type Slot } from "./fleet.ts";
import { rulesOf } from "./fleet-rules.ts";
import { createFrontSearch } from "./front.ts";
import type { Scheduler } from "./scheduler.ts";
import { createSearch } from "./search.ts";
import { createSites, isAt, type Site } from "./site.ts";
import {
  affinityOf,
  createSieve,
  examine,
  isForSites,
  type Question,
  rankOf,
  type Survey,
} from "./survey.ts";

/**
 * Surveys that are kept, for demands that differ in their amounts only: asked again it looks only at
 * workers that changed since, and of the others at those that may be among the best.
 */
export interface Standing {
  survey(question: Question, count: number): Survey;
}

/** `frontSize` is for tests: 0 keeps none. */
export function createStanding(fleet: Fleet, question: Question, frontSize?: number): Standing {
  const { readsMeasurements = false } = question.scheduler;
  const journal = readsMeasurements ? fleet.changes : fleet.steadyChanges;
  let board = createBoard(question, frontSize);
  let seenTime = -1;

  function startOver(): void {
    board = createBoard(question, frontSize);
    for (const slot of fleet.slots()) board.judge(slot);
  }

  return {
    survey(asked, count) {
      if (seenTime < 0 || !journal.replay(seenTime, board.judge)) startOver();
      seenTime = journal.time();
      const { counts } = board;
      const rank = (workerId: string) =>
        rankOf(fleet.get(workerId), { question: asked, findExcluding: createSieve(asked), counts });
      const { best, excluded } = board.find(asked.demand, count);
      return { best, excluded, rank };
    },
  };
}

/**
 * Asks for so little that no sum shows it, so that scores can be compared before it is known what is
 * asked for. It is not nothing: a scheduler may think otherwise of demands that fit everywhere.
 */
const NEXT_TO_NOTHING = createDemand({
  amount: { cpuMillis: Number.MIN_VALUE, memoryBytes: Number.MIN_VALUE, diskBytes: 0 },
});

/** What tells a worker from others with the same amounts promised, to a scheduler. */
function markOf({ seat, lastChosen }: Slot, { readsMeasurements, takesTurns }: Scheduler): number {
  if (readsMeasurements) return seat;
  return takesTurns ? lastChosen : 0;
}

function createBoard({ demand, scheduler }: Question, frontSize: number | undefined) {
  const { findExcluding, counts } = examine({ demand, scheduler }, isForSites);
  const sites = createSites();
  const siteInSeat: (Site | undefined)[] = [];
  const exclusions = createExclusions();
  const excluded = exclusions.counts;
  const search = createSearch({ scheduler, sites, counts, excluded });
  const front = createFrontSearch({ scheduler, search, excluded }, frontSize);
  // Where others decide who is best a change of one may change the order of all.
  const hasFront = rulesOf(demand).length === 0;

  function leave(slot: Slot, site: Site): void {
    site.shelves.delete(slot);
    siteInSeat[slot.seat] = undefined;
    if (site.shelves.size() === 0) sites.close(site);
  }

  function enter(slot: Known, before: Site | undefined): void {
    const { seat, candidate } = slot;
    const place = {
      cell: counts.cellOf(candidate),
      affinity: affinityOf(candidate, demand),
      capacity: candidate.capacity,
    };
    const site = before && isAt(before, place) ? before : sites.at(place);
    if (before !== undefined && before !== site) leave(slot, before);
    siteInSeat[seat] = site;
    const score = scheduler.score(candidate, NEXT_TO_NOTHING, slot);
    site.shelves.put(slot, markOf(slot, scheduler), score);
  }

  return {
    counts,
    judge(slot: Slot): void {
      const { seat, candidate } = slot;
      counts.count(slot);
      const filter = candidate && findExcluding(candidate);
      exclusions.set(seat, filter);
      const before = siteInSeat[seat];
      if (isKnown(slot) && filter === undefined) enter(slot, before);
      else if (before) leave(slot, before);
      if (hasFront) front.note(slot, siteInSeat[seat]);
    },
    find: hasFront ? front.find : search,
  };
}
