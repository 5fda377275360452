import type { Candidate } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import { recount } from "./exclusions.ts";
import type { Filter } from "./filters.ts";
import { type Fleet, isKnown, type Known, type Slot } from "./fleet.ts";
import { type CellVerdict, createFleetCounts, type FleetCounts } from "./fleet-counts.ts";
import { rulesOf } from "./fleet-rules.ts";
import { type Contender, createShortlist, offer } from "./ranked.ts";
import type { Scheduler } from "./scheduler.ts";

/** What is asked of the fleet. */
export type Question = Readonly<{ demand: Demand; scheduler: Scheduler }>;

/** How the workers stand towards a question. */
export type Survey = Readonly<{
  /** The best of those that can take the demand, best first. */
  best: readonly Contender[];
  /** How many workers each filter excluded. A worker counts for the first that excluded it. */
  excluded: ReadonlyMap<Filter, number>;
  /** The standing of one worker, if it can take the demand. Holds until the fleet changes. */
  rank: (workerId: string) => Contender | undefined;
}>;

/** A question with all that is needed to put it to one worker after the other. */
export type Examination = Readonly<{
  question: Question;
  findExcluding: (candidate: Candidate) => Filter | undefined;
  /** Empty at first: it has to be told of every worker. */
  counts: FleetCounts;
}>;

export const examine = (
  question: Question,
  isMeant?: (filter: Filter) => boolean,
): Examination => ({
  question,
  findExcluding: createSieve(question, isMeant),
  counts: createFleetCounts(rulesOf(question.demand)),
});

/** Looks at every worker and keeps the best `count`. */
export function survey(fleet: Fleet, question: Question, count: number): Survey {
  const examination = examine(question);
  const { counts } = examination;
  for (const slot of fleet.slots()) counts.count(slot);
  const judge = createJudge(question, counts);
  const shortlist = createShortlist(count);
  const excluded = new Map<Filter, number>();
  for (const slot of fleet.slots()) {
    if (!isKnown(slot)) continue;
    const verdict = judge(slot.candidate);
    if (verdict.kind === "excluded") recount(excluded, verdict.filter, 1);
    else {
      const { lead, affinity, score } = rankedAt(slot, verdict.lead, question);
      offer(shortlist, slot, lead, affinity, score);
    }
  }
  const { best } = shortlist;
  return { best, excluded, rank: (workerId) => rankOf(fleet.get(workerId), examination) };
}

type Verdict = CellVerdict | Readonly<{ kind: "excluded"; filter: Filter }>;

/** Amounts come last: what they exclude is not looked for everywhere. */
function createJudge(question: Question, counts: FleetCounts): (candidate: Candidate) => Verdict {
  const findAtSite = createSieve(question, isForSites);
  const findLacking = createSieve(question, (filter) => !isForSites(filter));
  return (candidate) => {
    const atSite = findAtSite(candidate);
    if (atSite !== undefined) return { kind: "excluded", filter: atSite };
    const verdict = counts.judge(counts.cellOf(candidate));
    const lacking = verdict.kind === "admitted" ? findLacking(candidate) : undefined;
    return lacking === undefined ? verdict : { kind: "excluded", filter: lacking };
  };
}

/** Whether what a filter says is kept until a worker changes, whatever amount is asked for. */
export const isForSites = ({ weighs }: Filter): boolean => weighs === undefined;

/** A worker's standing, if it can take the demand. */
export function rankOf(slot: Slot | undefined, examination: Examination): Contender | undefined {
  const { question, findExcluding, counts } = examination;
  if (!slot || !isKnown(slot) || findExcluding(slot.candidate)) return undefined;
  const verdict = counts.judge(counts.cellOf(slot.candidate));
  if (verdict.kind === "excluded") return undefined;
  return rankedAt(slot, verdict.lead, question);
}

/** How good a worker is that can take the demand. */
export function rankedAt(slot: Known, lead: number, { demand, scheduler }: Question): Contender {
  const { workerId, seat, candidate } = slot;
  const affinity = affinityOf(candidate, demand);
  return { workerId, seat, lead, affinity, score: scheduler.score(candidate, demand, slot) };
}

/** Finds the first filter that excludes a worker, if any does. */
export function createSieve({ demand, scheduler }: Question, isMeant = (_: Filter) => true) {
  const asked = scheduler.filters.filter(isMeant).flatMap((filter) => {
    const passes = filter.testFor(demand);
    return passes ? [{ filter, passes }] : [];
  });
  return (candidate: Candidate): Filter | undefined => {
    for (const { filter, passes } of asked) if (!passes(candidate)) return filter;
    return undefined;
  };
}

/** Sum of the weights of the affinities that hold of a worker. */
export function affinityOf(candidate: Candidate, { affinities }: Demand): number {
  let sum = 0;
  for (const { condition, weight } of affinities) if (condition.holds(candidate)) sum += weight;
  return sum;
}
