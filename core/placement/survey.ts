import type { Candidate } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import type { Filter } from "./filters.ts";
import type { Fleet, Slot } from "./fleet.ts";
import { insertSorted, type Ranked } from "./ranking.ts";
import type { Scheduler } from "./scheduler.ts";

/** What is asked of the fleet. */
export type Question = Readonly<{ demand: Demand; scheduler: Scheduler }>;

/** How the workers stand towards a question. */
export type Survey = Readonly<{
  /** The best of those that can take the demand, best first. */
  best: readonly Ranked[];
  /** How many workers each filter excluded. A worker counts for the first that excluded it. */
  excluded: ReadonlyMap<Filter, number>;
}>;

/** Looks at every worker once and keeps the best `count`. */
export function survey(fleet: Fleet, question: Question, count: number): Survey {
  const findExcluding = createSieve(question);
  const best: Ranked[] = [];
  const offer = createShortlist(best, count);
  const excluded = new Map<Filter, number>();
  for (const slot of fleet.slots()) {
    if (slot.candidate === undefined) continue;
    const filter = findExcluding(slot.candidate);
    if (filter !== undefined) excluded.set(filter, (excluded.get(filter) ?? 0) + 1);
    else offer(slot.workerId, scoreOf(slot, question));
  }
  return { best, excluded };
}

/** Finds the first filter that excludes a worker, if any does. */
export function createSieve({ demand, scheduler }: Question) {
  const asked = scheduler.filters.flatMap((filter) => {
    const passes = filter.testFor(demand);
    return passes ? [{ filter, passes }] : [];
  });
  return (candidate: Candidate): Filter | undefined => {
    for (const { filter, passes } of asked) if (!passes(candidate)) return filter;
    return undefined;
  };
}

export const scoreOf = (slot: Slot, { demand, scheduler }: Question): number =>
  slot.candidate === undefined
    ? Number.NEGATIVE_INFINITY
    : scheduler.score(slot.candidate, demand, slot);

/**
 * Keeps the best `count` of what is offered in `best`, sorted. Workers are offered in the order of
 * their IDs, so that of equal scores the one offered first is the better.
 */
function createShortlist(best: Ranked[], count: number) {
  let scoreToBeat = Number.NEGATIVE_INFINITY;
  return (workerId: string, score: number): void => {
    if (score <= scoreToBeat) return;
    insertSorted(best, { workerId, score });
    if (best.length > count) best.pop();
    if (best.length === count) scoreToBeat = best[count - 1]?.score ?? scoreToBeat;
  };
}
