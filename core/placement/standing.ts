import type { Filter } from "./filters.ts";
import type { Fleet, Slot } from "./fleet.ts";
import { createRanking } from "./ranking.ts";
import { createSieve, type Question, type Survey, scoreOf } from "./survey.ts";

/** A survey that is kept: asked again it looks only at workers that changed since. */
export interface Standing {
  survey(count: number): Survey;
}

export function createStanding(fleet: Fleet, question: Question): Standing {
  const findExcluding = createSieve(question);
  let ranking = createRanking();
  let exclusions = new Map<string, Filter>();
  let excluded = new Map<Filter, number>();
  let seenTime = -1;

  function recount(filter: Filter | undefined, difference: 1 | -1): void {
    if (filter === undefined) return;
    const count = (excluded.get(filter) ?? 0) + difference;
    if (count === 0) excluded.delete(filter);
    else excluded.set(filter, count);
  }

  function exclude(workerId: string, filter: Filter | undefined): void {
    recount(exclusions.get(workerId), -1);
    recount(filter, 1);
    if (filter === undefined) exclusions.delete(workerId);
    else exclusions.set(workerId, filter);
  }

  function judge(slot: Slot): void {
    const { workerId, candidate } = slot;
    const filter = candidate && findExcluding(candidate);
    exclude(workerId, filter);
    if (candidate === undefined || filter !== undefined) ranking.delete(workerId);
    else ranking.set(workerId, scoreOf(slot, question));
  }

  function startOver(): readonly Slot[] {
    ranking = createRanking();
    exclusions = new Map();
    excluded = new Map();
    return fleet.slots();
  }

  return {
    survey(count) {
      const changed = seenTime < 0 ? undefined : fleet.changesSince(seenTime);
      for (const slot of changed ?? startOver()) judge(slot);
      seenTime = fleet.time();
      return { best: ranking.best(count), excluded };
    },
  };
}
