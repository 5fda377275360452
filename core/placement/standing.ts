import type { Amount } from "./candidate.ts";
import { createDemand } from "./demand.ts";
import { createExclusions } from "./exclusions.ts";
import { type Fleet, isKnown, type Known, type Slot } from "./fleet.ts";
import type { Cell } from "./fleet-counts.ts";
import type { Scheduler } from "./scheduler.ts";
import { createSearch } from "./search.ts";
import { createShelves, type Shelves } from "./shelves.ts";
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

/** Workers among which amounts and the scheduler alone decide. */
export type Site = Readonly<{
  cell: Cell;
  affinity: number;
  capacity: Amount;
  shelves: Shelves;
}>;

export function createStanding(fleet: Fleet, question: Question): Standing {
  const { readsMeasurements = false } = question.scheduler;
  const journal = readsMeasurements ? fleet.changes : fleet.steadyChanges;
  let board = createBoard(question);
  let seenTime = -1;

  function startOver(): readonly Slot[] {
    board = createBoard(question);
    return fleet.slots();
  }

  return {
    survey(asked, count) {
      const changed = seenTime < 0 ? undefined : journal.since(seenTime);
      for (const slot of changed ?? startOver()) board.judge(slot);
      seenTime = journal.time();
      const { counts } = board;
      const rank = (workerId: string) =>
        rankOf(fleet.get(workerId), { question: asked, findExcluding: createSieve(asked), counts });
      const { best, excluded } = board.search(asked.demand, count);
      return { best, excluded, rank };
    },
  };
}

/** Asks for no amount, so that scores can be compared before it is known what is asked for. */
const NOTHING = createDemand({ amount: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 } });

type Place = Omit<Site, "shelves">;

const keyOf = ({ cell, affinity, capacity }: Place): string =>
  `${cell.key}\u0001${affinity} ${capacity.cpuMillis} ${capacity.memoryBytes} ${capacity.diskBytes}`;

/** Told without a key: a worker that gets a task stays where it is, as most changes leave it. */
const isSamePlace = (a: Place, b: Place): boolean =>
  a.capacity === b.capacity && a.affinity === b.affinity && a.cell.key === b.cell.key;

/** Tells apart what filters and the scheduler see of workers of one capacity. */
function stateOf({ workerId, candidate, lastChosen }: Known, scheduler: Scheduler): string {
  if (scheduler.readsMeasurements) return workerId;
  const { reserved, taskCount } = candidate;
  const { cpuMillis, memoryBytes, diskBytes } = reserved;
  const turn = scheduler.takesTurns ? lastChosen : 0;
  return `${cpuMillis} ${memoryBytes} ${diskBytes} ${taskCount} ${turn}`;
}

function createBoard({ demand, scheduler }: Question) {
  const { findExcluding, counts } = examine({ demand, scheduler }, isForSites);
  const sites = new Map<string, Site>();
  const siteOfWorker = new Map<string, Site>();
  const exclusions = createExclusions();

  function leave(workerId: string, site: Site): void {
    site.shelves.delete(workerId);
    siteOfWorker.delete(workerId);
    if (site.shelves.size === 0) sites.delete(keyOf(site));
  }

  function siteFor({ workerId, candidate }: Known): Site {
    const cell = counts.cellOf(candidate);
    const affinity = affinityOf(candidate, demand);
    const place = { cell, affinity, capacity: candidate.capacity };
    const before = siteOfWorker.get(workerId);
    if (before && isSamePlace(before, place)) return before;
    const key = keyOf(place);
    const site = sites.get(key) ?? { ...place, shelves: createShelves() };
    sites.set(key, site);
    return site;
  }

  function enter(slot: Known): void {
    const { workerId, candidate } = slot;
    const site = siteFor(slot);
    const before = siteOfWorker.get(workerId);
    if (before !== undefined && before !== site) leave(workerId, before);
    siteOfWorker.set(workerId, site);
    const score = scheduler.score(candidate, NOTHING, slot);
    site.shelves.put(slot, stateOf(slot, scheduler), score);
  }

  return {
    counts,
    judge(slot: Slot): void {
      const { workerId, candidate } = slot;
      counts.count(workerId, candidate);
      const filter = candidate && findExcluding(candidate);
      exclusions.set(workerId, filter);
      const before = siteOfWorker.get(workerId);
      if (isKnown(slot) && filter === undefined) enter(slot);
      else if (before) leave(workerId, before);
    },
    search: createSearch({ scheduler, sites, counts, excluded: exclusions.counts }),
  };
}
