import type { Amount } from "./candidate.ts";
import type { Cell } from "./fleet-counts.ts";
import type { Capacities } from "./scheduler.ts";
import { createShelves, type Shelves } from "./shelves.ts";

/** Workers of about one size among which amounts and the scheduler alone decide. */
export type Site = Readonly<{
  key: string;
  cell: Cell;
  affinity: number;
  capacities: Capacities;
  shelves: Shelves;
}>;

type Place = Pick<Site, "cell" | "affinity"> & Readonly<{ capacity: Amount }>;

/** The sites that hold any worker. */
export function createSites() {
  const byKey = new Map<string, Site>();
  /** The one that was asked for last: the next worker is often of its size. */
  let latest: Site | undefined;

  return {
    all: (): Iterable<Site> => byKey.values(),
    /** The site for workers at such a place, opened if there is none. */
    at(place: Place): Site {
      if (latest !== undefined && isAt(latest, place)) return latest;
      const key = keyOf(place);
      const site = byKey.get(key) ?? openSite(key, place);
      byKey.set(key, site);
      widen(site.capacities, place.capacity);
      latest = site;
      return site;
    },
    close(site: Site): void {
      byKey.delete(site.key);
      if (latest === site) latest = undefined;
    },
  };
}

/** Whether a worker that was at the site is there still. Told without a key: most changes leave it. */
export const isAt = (site: Site, { cell, affinity, capacity }: Place): boolean =>
  site.affinity === affinity && site.cell.key === cell.key && isWithin(site.capacities, capacity);

const openSite = (key: string, { cell, affinity, capacity }: Place): Site => ({
  key,
  cell,
  affinity,
  capacities: { smallest: { ...capacity }, largest: { ...capacity } },
  shelves: createShelves(),
});

const keyOf = ({ cell, affinity, capacity }: Place): string =>
  `${cell.key}\u0001${affinity} ${sizeOf(capacity.cpuMillis)} ${sizeOf(capacity.memoryBytes)}`;

/** So many sizes lie between an amount and its double. */
const SIZES_PER_OCTAVE = 8;

/**
 * Amounts that differ by less than a tenth count as one size. The finer sizes are, the sooner a
 * search in one of them ends; the coarser, the fewer searches there are.
 */
const sizeOf = (amount: number): number =>
  Math.round(SIZES_PER_OCTAVE * Math.log2(Math.max(1, amount)));

const KEYS = ["cpuMillis", "memoryBytes", "diskBytes"] as const;

/** Written out: this is asked of every worker that changes. */
const isWithin = ({ smallest, largest }: Capacities, capacity: Amount): boolean =>
  isBetween(smallest.cpuMillis, capacity.cpuMillis, largest.cpuMillis) &&
  isBetween(smallest.memoryBytes, capacity.memoryBytes, largest.memoryBytes) &&
  isBetween(smallest.diskBytes, capacity.diskBytes, largest.diskBytes);

const isBetween = (least: number, value: number, most: number): boolean =>
  least <= value && value <= most;

function widen({ smallest, largest }: Capacities, capacity: Amount): void {
  for (const key of KEYS) {
    smallest[key] = Math.min(smallest[key], capacity[key]);
    largest[key] = Math.max(largest[key], capacity[key]);
  }
}
