import { recount } from "./exclusions.ts";
import type { Filter, Test } from "./filters.ts";
import { type Known, known } from "./fleet.ts";
import type { FleetCounts } from "./fleet-counts.ts";
import { createShortlist, type Ranked, type Shortlist } from "./ranked.ts";
import type { Shelf } from "./shelves.ts";
import type { Site } from "./standing.ts";
import type { Question, Survey } from "./survey.ts";

type Grounds = Readonly<{
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
export function createSearch({ sites, counts, excluded }: Grounds) {
  /** Those that rules about the fleet admit, the best first. */
  function admitted(
    refused: Map<Filter, number>,
  ): readonly Readonly<{ site: Site; lead: number }>[] {
    const open = [];
    for (const site of sites.values()) {
      const verdict = counts.judge(site.cell);
      if (verdict.kind === "admitted") open.push({ site, lead: verdict.lead });
      else recount(refused, verdict.filter, site.shelves.size);
    }
    return open.sort((a, b) => a.lead - b.lead || b.site.affinity - a.site.affinity);
  }

  return (question: Question, count: number): Found => {
    const refused = new Map(excluded);
    const shortlist = createShortlist(count);
    const tests = testsOf(question);
    for (const { site, lead } of admitted(refused)) {
      const worst = shortlist.worst();
      if (worst && isBehind({ lead, affinity: site.affinity }, worst)) break;
      searchSite({ site, lead }, { question, tests, shortlist, refused });
    }
    return { best: shortlist.best, excluded: refused };
  };
}

/** Whether no worker there can be better, whatever its score. */
const isBehind = (place: Pick<Ranked, "lead" | "affinity">, worst: Ranked): boolean =>
  place.lead > worst.lead || (place.lead === worst.lead && place.affinity < worst.affinity);

type Tests = Readonly<{ state: readonly NamedTest[]; measured: readonly NamedTest[] }>;

type NamedTest = Readonly<{ filter: Filter; passes: Test }>;

type Search = Readonly<{
  question: Question;
  tests: Tests;
  shortlist: Shortlist;
  refused: Map<Filter, number>;
}>;

/** The filters that look at amounts, as far as the demand asks for any. */
function testsOf({ demand, scheduler }: Question): Tests {
  const of = (weighs: Filter["weighs"]) =>
    scheduler.filters.flatMap((filter) => {
      const passes = filter.weighs === weighs ? filter.testFor(demand) : undefined;
      return passes ? [{ filter, passes }] : [];
    });
  return { state: of("bookings"), measured: of("measurements") };
}

type Place = Readonly<{ site: Site; lead: number }>;

function searchSite(place: Place, search: Search): void {
  const { tests, refused } = search;
  for (const shelf of place.site.shelves.walk()) {
    if (isHopeless(shelf, place, search)) break;
    const lacking = failing(tests.state, sampleOf(shelf));
    if (lacking) recount(refused, lacking, shelf.slots.length);
    else offerAll(shelf, place, search);
  }
}

/** Whether neither this shelf nor one after it can hold anybody better than those that were found. */
function isHopeless(
  { score }: Shelf,
  { site, lead }: Place,
  { shortlist, question: { demand, scheduler } }: Search,
): boolean {
  const worst = shortlist.worst();
  if (worst === undefined || worst.lead > lead || worst.affinity < site.affinity) return false;
  const ceiling = scheduler.ceiling?.(score, demand, site.capacity) ?? Number.POSITIVE_INFINITY;
  return ceiling + ROUNDING < worst.score;
}

/** Offers the workers of a shelf until one is not good enough: the others have higher IDs. */
function offerAll(shelf: Shelf, { site, lead }: Place, search: Search): void {
  const { tests, shortlist, refused, question } = search;
  const { demand, scheduler } = question;
  const sample = sampleOf(shelf);
  const score = scheduler.score(sample.candidate, demand, sample);
  for (const slot of shelf.slots) {
    const lacking = failing(tests.measured, known(slot));
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
