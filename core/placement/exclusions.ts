import type { Filter } from "./filters.ts";

/** By which filter each worker is excluded, and how many by each. */
export interface Exclusions {
  readonly counts: ReadonlyMap<Filter, number>;
  /** Undefined: by none. */
  set(workerId: string, filter: Filter | undefined): void;
}

export function createExclusions(): Exclusions {
  const filters = new Map<string, Filter>();
  const counts = new Map<Filter, number>();
  return {
    counts,
    set(workerId, filter) {
      const before = filters.get(workerId);
      if (before === filter) return;
      if (before !== undefined) recount(counts, before, -1);
      if (filter === undefined) filters.delete(workerId);
      else {
        recount(counts, filter, 1);
        filters.set(workerId, filter);
      }
    },
  };
}

export function recount(counts: Map<Filter, number>, filter: Filter, difference: number): void {
  const count = (counts.get(filter) ?? 0) + difference;
  if (count === 0) counts.delete(filter);
  else counts.set(filter, count);
}
