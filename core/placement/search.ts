import { NO_BOOKINGS } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import { recount } from "./exclusions.ts";
import type { Filter, Test } from "./filters.ts";
import { type Known, known } from "./fleet.ts";
import type { FleetCounts } from "./fleet-counts.ts";
import { type Contender, createShortlist, offer, type Shortlist, worstOf } from "./ranked.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Shelf } from "./shelves.ts";
import type { Site } from "./site.ts";
import { isSameAmount } from "./steady.ts";
import type { Survey } from "./survey.ts";

type Grounds = Readonly<{
  scheduler: Scheduler;
  sites: Readonly<{ all(): Iterable<Site> }>;
  counts: FleetCounts;
  /** By filters that do not look at amounts. */
  excluded: ReadonlyMap<Filter, number>;
}>;

/** What a search finds. The best are the caller's own. */
export type Found = Pick<Survey, "excluded"> & Readonly<{ best: Contender[] }>;

export type Search = (demand: Demand, count: number) => Found;

/**
 * By this part of itself, or of 1 if that is more, a ceiling may be wrong, for sums of shares are
 * rounded: a double is exact to 2^-53 of itself, and a score is made in fewer than a hundred steps.
 */
const ROUNDING = 1e-13;

/**
 * Finds the best `count` workers of the sites, looking at no more states than it must. Of what
 * amounts exclude only that is counted which was looked at.
 */
export function createSearch({ scheduler, sites, counts, excluded }: Grounds): Search {
  const weighing = (weighs: Filter["weighs"]) =>
    scheduler.filters.filter((filter) => filter.weighs === weighs);
  const [bookings, measurements] = [weighing("bookings"), weighing("measurements")];
  let asked = { amount: NO_BOOKINGS.reserved, state: NO_TESTS, measured: NO_TESTS };

  /** Tasks of one kind come in batches, which ask for the same amounts. */
  function testsFor(demand: Demand): typeof asked {
    if (isSameAmount(asked.amount, demand.amount)) return asked;
    const [state, measured] = [testsOf(bookings, demand), testsOf(measurements, demand)];
    asked = { amount: demand.amount, state, measured };
    return asked;
  }

  return (demand, count) => {
    const { state, measured } = testsFor(demand);
    const shortlist = createShortlist(count);
    const refusals: Refusals = { site: excluded, own: undefined };
    const search = { demand, scheduler, state, measured, shortlist, refusals };
    for (const place of admitted({ sites, counts }, refusals)) {
      if (isBehind(place, shortlist)) break;
      searchSite(place, search);
    }
    return { best: shortlist.best, excluded: refusals.own ?? excluded };
  };
}

/** Exclusions that begin as those of the sites, and are a map of their own once there are more. */
type Refusals = {
  readonly site: ReadonlyMap<Filter, number>;
  own: Map<Filter, number> | undefined;
};

function refuse(refusals: Refusals, filter: Filter, workerCount: number): void {
  refusals.own ??= new Map(refusals.site);
  recount(refusals.own, filter, workerCount);
}

/** A site, and how many tasks of the same name are ahead of it where that counts. */
type Place = Readonly<{ site: Site; lead: number }>;

/** The sites that rules about the fleet admit, the most promising first. */
function admitted(
  { sites, counts }: Pick<Grounds, "sites" | "counts">,
  refusals: Refusals,
): readonly Place[] {
  const open: Place[] = [];
  for (const site of sites.all()) {
    const verdict = counts.judge(site.cell);
    if (verdict.kind === "admitted") open.push({ site, lead: verdict.lead });
    else refuse(refusals, verdict.filter, site.shelves.size());
  }
  if (open.length < 2) return open;
  return open.sort(
    (a, b) =>
      a.lead - b.lead || b.site.affinity - a.site.affinity || scoreAt(b.site) - scoreAt(a.site),
  );
}

const scoreAt = ({ shelves }: Site): number => shelves.best()?.score ?? Number.NEGATIVE_INFINITY;

/** Whether no worker there, nor at a site that comes later, can be better, whatever its score. */
function isBehind({ lead, site: { affinity } }: Place, shortlist: Shortlist): boolean {
  const worst = worstOf(shortlist);
  if (worst === undefined) return false;
  return lead > worst.lead || (lead === worst.lead && affinity < worst.affinity);
}

type NamedTest = Readonly<{ filter: Filter; passes: Test }>;

type Terms = Readonly<{
  demand: Demand;
  scheduler: Scheduler;
  /** What the demand asks of what is promised on a worker. */
  state: readonly NamedTest[];
  /** What it asks of what was measured. */
  measured: readonly NamedTest[];
  shortlist: Shortlist;
  refusals: Refusals;
}>;

const NO_TESTS: readonly NamedTest[] = [];

function testsOf(filters: readonly Filter[], demand: Demand): readonly NamedTest[] {
  const tests: NamedTest[] = [];
  for (const filter of filters) {
    const passes = filter.testFor(demand);
    if (passes) tests.push({ filter, passes });
  }
  return tests;
}

function searchSite(place: Place, search: Terms): void {
  const { state, refusals } = search;
  place.site.shelves.walk((shelf) => {
    if (isHopeless(shelf, place, search)) return false;
    const lacking = failing(state, sampleOf(shelf));
    if (lacking) refuse(refusals, lacking, shelf.slots.length);
    else offerAll(shelf, place, search);
    return true;
  });
}

/** Whether neither this shelf nor one after it can hold anybody better than those that were found. */
function isHopeless(
  { score }: Shelf,
  { site, lead }: Place,
  { shortlist, demand, scheduler }: Terms,
): boolean {
  const worst = worstOf(shortlist);
  if (worst === undefined || worst.lead > lead || worst.affinity < site.affinity) return false;
  const ceiling = scheduler.ceiling?.(score, demand, site.capacities) ?? Number.POSITIVE_INFINITY;
  return ceiling + ROUNDING * Math.max(1, Math.abs(ceiling)) < worst.score;
}

/** Offers the workers of a shelf until one is not good enough: the others have higher IDs. */
function offerAll(shelf: Shelf, { site, lead }: Place, search: Terms): void {
  const { demand, scheduler, measured, shortlist, refusals } = search;
  const { affinity } = site;
  const sample = sampleOf(shelf);
  const score = scheduler.score(sample.candidate, demand, sample);
  for (const slot of shelf.slots) {
    const lacking = failing(measured, known(slot));
    if (lacking) refuse(refusals, lacking, 1);
    else if (!offer(shortlist, slot, lead, affinity, score)) return;
  }
}

const sampleOf = ({ slots }: Shelf): Known => known(slots[0]);

function failing(tests: readonly NamedTest[], { candidate }: Known): Filter | undefined {
  for (const { filter, passes } of tests) if (!passes(candidate)) return filter;
  return undefined;
}
