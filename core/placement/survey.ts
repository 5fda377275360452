import type { Candidate } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import type { Filter } from "./filters.ts";
import type { Fleet, Slot } from "./fleet.ts";
import { isBetter, type Ranked } from "./ranking.ts";
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
  const excluded = new Map<Filter, number>();
  for (const slot of fleet.slots()) {
    if (slot.candidate === undefined) continue;
    const filter = findExcluding(slot.candidate);
    if (filter !== undefined) excluded.set(filter, (excluded.get(filter) ?? 0) + 1);
    else keepBest(best, { workerId: slot.workerId, score: scoreOf(slot, question) }, count);
  }
  return { best, excluded };
}

/** Finds the first filter that excludes a worker, if any does. */
export function createSieve({ demand, scheduler }: Question) {
  const filters = scheduler.filters.filter((filter) => filter.concerns(demand));
  return (candidate: Candidate): Filter | undefined => {
    for (const filter of filters) if (!filter.admits(candidate, demand)) return filter;
    return undefined;
  };
}

export const scoreOf = (slot: Slot, { demand, scheduler }: Question): number =>
  slot.candidate === undefined
    ? Number.NEGATIVE_INFINITY
    : scheduler.score(slot.candidate, demand, slot);

/** Inserts into a short sorted list, and drops what falls off its end. */
function keepBest(best: Ranked[], ranked: Ranked, count: number): void {
  const worst = best[best.length - 1];
  if (best.length === count && worst !== undefined && !isBetter(ranked, worst)) return;
  const position = best.findIndex((other) => isBetter(ranked, other));
  best.splice(position < 0 ? best.length : position, 0, ranked);
  if (best.length > count) best.pop();
}
