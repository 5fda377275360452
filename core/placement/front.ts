import { NO_BOOKINGS } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import type { Filter, Test } from "./filters.ts";
import { isKnown, type Known, type Slot } from "./fleet.ts";
import { type Contender, insertSorted, isBetter } from "./ranked.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Found, Search } from "./search.ts";
import type { Site } from "./site.ts";
import { isSameAmount } from "./steady.ts";
import { type Question, rankedAt } from "./survey.ts";

/** How many of the best are kept at first: one search is for so many placements of equal tasks. */
const SIZE = 64;

/** A search that keeps the best for the next demand for the same amount. */
export interface FrontSearch {
  find(demand: Demand, count: number): Found;
  /** To be told of each worker that changed: what it is now and where, if any amount fits there. */
  note(slot: Slot, site: Site | undefined): void;
}

type Grounds = Readonly<{
  scheduler: Scheduler;
  search: Search;
  /** Excluded by what does not look at amounts: the same map for good. */
  excluded: ReadonlyMap<Filter, number>;
}>;

/** `size` is for tests: 0 keeps none. */
export function createFrontSearch(grounds: Grounds, size = SIZE): FrontSearch {
  const { scheduler, search, excluded } = grounds;
  let amount = NO_BOOKINGS.reserved;
  let front: Front | undefined;
  /** So many searches are as they are asked for: to look for more was in vain. */
  let rest = 0;

  function searchAgain(demand: Demand, count: number): Found {
    const isNew = !isSameAmount(amount, demand.amount);
    amount = demand.amount;
    if (isNew) rest = 0;
    if (isNew || rest-- > 0 || size <= count || !isKeepable(demand, scheduler))
      return search(demand, count);
    const found = search(demand, size);
    // Who lacks something has to be counted each time.
    if (found.excluded === excluded) front = createFront({ demand, scheduler }, found.best, size);
    else rest = size;
    return { ...found, best: found.best.slice(0, count) };
  }

  return {
    find(demand, count) {
      if (front && isSameAmount(amount, demand.amount)) {
        const best = front.first(count);
        if (best) return { best, excluded };
      }
      front = undefined;
      return searchAgain(demand, count);
    },
    note: (slot, site) => front?.note(slot, site),
  };
}

/** Measurements change without a word to those who do not look at them. */
const isKeepable = (demand: Demand, { filters, readsMeasurements = false }: Scheduler): boolean =>
  readsMeasurements ||
  filters.every(({ weighs, testFor }) => weighs !== "measurements" || !testFor(demand));

/**
 * The best workers for a demand, as they change. Nobody else is better than `limit`, so a worker
 * that changes need be compared with nobody but these.
 */
type Front = Readonly<{
  /** Undefined when that has to be searched for. */
  first(count: number): Contender[] | undefined;
  note(slot: Slot, site: Site | undefined): void;
}>;

function createFront(question: Question, best: Contender[], size: number): Front {
  const tests = testsOf(question);
  const members = new Set(best.map(({ workerId }) => workerId));
  let limit = best[size - 1];
  let isTrue = true;

  function add(ranked: Contender): void {
    insertSorted(best, ranked);
    members.add(ranked.workerId);
    if (best.length <= size) return;
    limit = best.pop();
    if (limit !== undefined) members.delete(limit.workerId);
  }

  function take(slot: Known): void {
    isTrue &&= tests.every((passes) => passes(slot.candidate));
    const ranked = rankedAt(slot, 0, question);
    if (limit === undefined || isBetter(ranked, limit)) add(ranked);
  }

  return {
    first: (count) => (isTrue && best.length >= count ? best.slice(0, count) : undefined),
    note(slot, site) {
      if (members.delete(slot.workerId)) remove(best, slot.workerId);
      if (site !== undefined && isKnown(slot)) take(slot);
    },
  };
}

/** Most often the first, which got a task. */
function remove(best: Contender[], workerId: string): void {
  const index = best.findIndex((each) => each.workerId === workerId);
  if (index === 0) best.shift();
  else best.splice(index, 1);
}

const testsOf = ({ demand, scheduler }: Question): readonly Test[] =>
  scheduler.filters.flatMap((filter) => (filter.weighs && filter.testFor(demand)) || []);
