import type { Candidate } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import type { Filter } from "./filters.ts";
import type { Fleet, Slot } from "./fleet.ts";
import { createFleetCounts, type FleetCounts } from "./fleet-counts.ts";
import { rulesOf } from "./fleet-rules.ts";
import { insertSorted, isBetter, type Ranked, type Worth } from "./ranking.ts";
import type { Scheduler } from "./scheduler.ts";

/** What is asked of the fleet. */
export type Question = Readonly<{ demand: Demand; scheduler: Scheduler }>;

/** How the workers stand towards a question. */
export type Survey = Readonly<{
  /** The best of those that can take the demand, best first. */
  best: readonly Ranked[];
  /** How many workers each filter excluded. A worker counts for the first that excluded it. */
  excluded: ReadonlyMap<Filter, number>;
  /** The standing of one worker, if it can take the demand. Holds until the fleet changes. */
  rank: (workerId: string) => Ranked | undefined;
}>;

/** A question with all that is needed to put it to one worker after the other. */
export type Examination = Readonly<{
  question: Question;
  findExcluding: (candidate: Candidate) => Filter | undefined;
  /** Empty at first: it has to be told of every worker. */
  counts: FleetCounts;
}>;

export const examine = (question: Question): Examination => ({
  question,
  findExcluding: createSieve(question),
  counts: createFleetCounts(rulesOf(question.demand)),
});

/** Looks at every worker and keeps the best `count`. */
export function survey(fleet: Fleet, question: Question, count: number): Survey {
  const examination = examine(question);
  const { findExcluding, counts } = examination;
  for (const { workerId, candidate } of fleet.slots()) counts.count(workerId, candidate);
  const best: Ranked[] = [];
  const offer = createShortlist(best, count);
  const excluded = new Map<Filter, number>();
  const exclude = (filter: Filter) => excluded.set(filter, (excluded.get(filter) ?? 0) + 1);
  for (const slot of fleet.slots()) {
    if (slot.candidate === undefined) continue;
    const filter = findExcluding(slot.candidate);
    if (filter !== undefined) {
      exclude(filter);
      continue;
    }
    const verdict = counts.judge(counts.cellOf(slot.candidate));
    if (verdict.kind === "excluded") exclude(verdict.filter);
    else offer(slot, verdict.lead, question);
  }
  return { best, excluded, rank: (workerId) => rankOf(fleet.get(workerId), examination) };
}

/** A worker's standing, if it can take the demand. */
export function rankOf(slot: Slot | undefined, examination: Examination): Ranked | undefined {
  const { question, findExcluding, counts } = examination;
  if (slot?.candidate === undefined || findExcluding(slot.candidate)) return undefined;
  const verdict = counts.judge(counts.cellOf(slot.candidate));
  if (verdict.kind === "excluded") return undefined;
  return { workerId: slot.workerId, lead: verdict.lead, ...worthOf(slot, question) };
}

/** Finds the first filter that excludes a worker, if any does. */
function createSieve({ demand, scheduler }: Question) {
  const asked = scheduler.filters.flatMap((filter) => {
    const passes = filter.testFor(demand);
    return passes ? [{ filter, passes }] : [];
  });
  return (candidate: Candidate): Filter | undefined => {
    for (const { filter, passes } of asked) if (!passes(candidate)) return filter;
    return undefined;
  };
}

/** Whether a heartbeat may change the answer. */
export const readsMeasurements = ({ demand, scheduler }: Question): boolean =>
  scheduler.readsMeasurements === true ||
  scheduler.filters.some(
    (filter) => filter.readsMeasurements === true && filter.testFor(demand) !== undefined,
  );

/** How good a worker is that can take the demand. */
export const worthOf = (slot: Slot, question: Question): Worth => ({
  affinity: affinityOf(slot, question),
  score: scoreOf(slot, question),
});

const scoreOf = (slot: Slot, { demand, scheduler }: Question): number =>
  slot.candidate === undefined
    ? Number.NEGATIVE_INFINITY
    : scheduler.score(slot.candidate, demand, slot);

function affinityOf({ candidate }: Slot, { demand: { affinities } }: Question): number {
  let sum = 0;
  if (candidate !== undefined)
    for (const { condition, weight } of affinities) if (condition.holds(candidate)) sum += weight;
  return sum;
}

/**
 * Keeps the best `count` of what is offered in `best`, sorted. Workers are offered in the order of
 * their IDs, so that of equals the one offered first is the better.
 */
function createShortlist(best: Ranked[], count: number) {
  let worst: Ranked | undefined;
  return (slot: Slot, lead: number, question: Question): void => {
    const { workerId } = slot;
    const ranked = { workerId, lead, ...worthOf(slot, question) };
    if (worst !== undefined && !isBetter(ranked, worst)) return;
    insertSorted(best, ranked);
    if (best.length > count) best.pop();
    if (best.length === count) worst = best[count - 1];
  };
}
