import type { Demand } from "./demand.ts";
import { recount } from "./exclusions.ts";
import type { Filter, Test } from "./filters.ts";
import { type Known, known } from "./fleet.ts";
import type { FleetCounts } from "./fleet-counts.ts";
import { createShortlist, type Ranked, type Shortlist } from "./ranked.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Shelf } from "./shelves.ts";
import type { Site } from "./standing.ts";
import type { Survey } from "./survey.ts";

type Grounds = Readonly<{
  scheduler: Scheduler;
  sites: ReadonlyMap<string, Site>;
  counts: FleetCounts;
  /** By filters that do not look at amounts. */
  excluded: ReadonlyMap<Filter, number>;
}>;

type Found = Pick<Survey, "best" | "excluded">;

/**
 * By so much a ceiling may be wrong, for sums of shares are rounded: scores are near 1, where a
 * double is exact to 2^-53.
 */
const ROUNDING = 1e-9;

/**
 * Finds the best `count` workers of the sites, looking at no more states than it must. Of what
 * amounts exclude only that is counted which was looked at.
 */
export function createSearch({ scheduler, sites, counts, excluded }: Grounds) {
  const weighing = (weighs: Filter["weighs"]) =>
    scheduler.filters.filter((filter) => filter.weighs === weighs);
  const [bookings, measurements] = [weighing("bookings"), weighing("measurements")];

  return (demand: Demand, count: number): Found => {
    const refused = new Map(excluded);
    const shortlist = createShortlist(count);
    const state = testsOf(bookings, demand);
    const measured = testsOf(measurements, demand);
    const search = { demand, scheduler, state, measured, shortlist, refused };
    for (const place of admitted({ sites, counts }, refused)) {
      const worst = shortlist.worst();
      if (worst && isBehind(place, worst)) break;
      searchSite(place, search);
    }
    return { best: shortlist.best, excluded: refused };
  };
}

/** A site, and how many tasks of the same name are ahead of it where that counts. */
type Place = Readonly<{ site: Site; lead: number }>;

/** The sites that rules about the fleet admit, the best first. */
function admitted(
  { sites, counts }: Pick<Grounds, "sites" | "counts">,
  refused: Map<Filter, number>,
): readonly Place[] {
  const open: Place[] = [];
  for (const site of sites.values()) {
    const verdict = counts.judge(site.cell);
    if (verdict.kind === "admitted") open.push({ site, lead: verdict.lead });
    else recount(refused, verdict.filter, site.shelves.size);
  }
  if (open.length < 2) return open;
  return open.sort((a, b) => a.lead - b.lead || b.site.affinity - a.site.affinity);
}

/** Whether no worker there can be better, whatever its score. */
const isBehind = ({ lead, site: { affinity } }: Place, worst: Ranked): boolean =>
  lead > worst.lead || (lead === worst.lead && affinity < worst.affinity);

type NamedTest = Readonly<{ filter: Filter; passes: Test }>;

type Search = Readonly<{
  demand: Demand;
  scheduler: Scheduler;
  /** What the demand asks of what is promised on a worker. */
  state: readonly NamedTest[];
  /** What it asks of what was measured. */
  measured: readonly NamedTest[];
  shortlist: Shortlist;
  refused: Map<Filter, number>;
}>;

function testsOf(filters: readonly Filter[], demand: Demand): readonly NamedTest[] {
  const tests: NamedTest[] = [];
  for (const filter of filters) {
    const passes = filter.testFor(demand);
    if (passes) tests.push({ filter, passes });
  }
  return tests;
}

function searchSite(place: Place, search: Search): void {
  const { state, refused } = search;
  for (const shelf of place.site.shelves.walk()) {
    if (isHopeless(shelf, place, search)) break;
    const lacking = failing(state, sampleOf(shelf));
    if (lacking) recount(refused, lacking, shelf.slots.length);
    else offerAll(shelf, place, search);
  }
}

/** Whether neither this shelf nor one after it can hold anybody better than those that were found. */
function isHopeless(
  { score }: Shelf,
  { site, lead }: Place,
  { shortlist, demand, scheduler }: Search,
): boolean {
  const worst = shortlist.worst();
  if (worst === undefined || worst.lead > lead || worst.affinity < site.affinity) return false;
  const ceiling = scheduler.ceiling?.(score, demand, site.capacity) ?? Number.POSITIVE_INFINITY;
  return ceiling + ROUNDING < worst.score;
}

/** Offers the workers of a shelf until one is not good enough: the others have higher IDs. */
function offerAll(shelf: Shelf, { site, lead }: Place, search: Search): void {
  const { demand, scheduler, measured, shortlist, refused } = search;
  const sample = sampleOf(shelf);
  const score = scheduler.score(sample.candidate, demand, sample);
  for (const slot of shelf.slots) {
    const lacking = failing(measured, known(slot));
    const { workerId } = slot;
    if (lacking) recount(refused, lacking, 1);
    else if (!shortlist.offer({ workerId, lead, affinity: site.affinity, score })) return;
  }
}

const sampleOf = ({ slots: [first] }: Shelf): Known => known(first);

function failing(tests: readonly NamedTest[], { candidate }: Known): Filter | undefined {
  for (const { filter, passes } of tests) if (!passes(candidate)) return filter;
  return undefined;
}
