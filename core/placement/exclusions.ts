import type { Filter } from "./filters.ts";

/** By which filter each worker is excluded, and how many by each. */
export interface Exclusions {
  readonly counts: ReadonlyMap<Filter, number>;
  /** Of the worker in a seat. Undefined: by none. */
  set(seat: number, filter: Filter | undefined): void;
}

export function createExclusions(): Exclusions {
  const filters: (Filter | undefined)[] = [];
  const counts = new Map<Filter, number>();
  return {
    counts,
    set(seat, filter) {
      const before = filters[seat];
      if (before === filter) return;
      if (before !== undefined) recount(counts, before, -1);
      if (filter !== undefined) recount(counts, filter, 1);
      filters[seat] = filter;
    },
  };
}

export function recount(counts: Map<Filter, number>, filter: Filter, difference: number): void {
  const count = (counts.get(filter) ?? 0) + difference;
  if (count === 0) counts.delete(filter);
  else counts.set(filter, count);
}
