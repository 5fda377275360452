import type { Candidate } from "./candidate.ts";
import type { Demand, Nearness } from "./demand.ts";
import type { Filter } from "./filters.ts";
import { labelReader } from "./labels.ts";
import { countOf } from "./task-kind.ts";
import { tasks, workers } from "./words.ts";

/** What the task's constraints ask of a worker. */
export const constraint: Filter = {
  name: "constraint",
  testFor({ conditions }) {
    if (conditions.length === 0) return undefined;
    return (candidate) => conditions.every(({ holds }) => holds(candidate));
  },
  explain(candidate, { conditions }) {
    const failing = conditions.filter(({ holds }) => !holds(candidate));
    return `constraint: ${failing.map((condition) => condition.explain(candidate)).join("; ")}`;
  },
  summarize: (count) => `constraints not met by ${workers(count)}`,
};

export const maxPerWorker: Filter = {
  name: "max-per-worker",
  testFor(demand) {
    const { maxPerWorker: max } = demand;
    return max === undefined ? undefined : (candidate) => namesakesOn(candidate, demand) < max;
  },
  explain: (candidate, demand) =>
    `max-per-worker: has ${tasks(namesakesOn(candidate, demand))} of the name ` +
    `${demand.kind.name}, may have ${demand.maxPerWorker}`,
  summarize: (count) => `${workers(count)} with as many of its name as may be`,
};

const namesakesOn = ({ tally }: Candidate, { kind: { name } }: Demand): number =>
  countOf(tally, (kind) => kind.name === name);

/** Excludes workers without the label; which of the others may take one more is a fleet's rule. */
export const spreading: Filter = {
  name: "spread",
  testFor: ({ spreads }) => havingAll(spreads.map(({ key }) => key)),
  explain: (candidate, { spreads }) => `spread: ${missing(spreads, candidate)}`,
  summarize: (count) => `${workers(count)} that would have too many of its name`,
};

/** Keeps tasks apart on one worker; what is near beyond that is a fleet's rule. */
export const taskAffinity: Filter = {
  name: "task-affinity",
  testFor({ near }) {
    if (near.length === 0) return undefined;
    const hasLabels = havingAll(near.filter(isNearLabel).map(({ key }) => key));
    const apart = near.filter(isApartHere);
    return (candidate) =>
      (hasLabels === undefined || hasLabels(candidate)) &&
      apart.every(({ isMeant }) => countOf(candidate.tally, isMeant) === 0);
  },
  explain(candidate, { near }) {
    const disturbed = near
      .filter((each) => isApartHere(each) && countOf(candidate.tally, each.isMeant) > 0)
      .map(({ text, isMeant }) => `has ${tasks(countOf(candidate.tally, isMeant))} with ${text}`);
    const unlabelled = missing(near.filter(isNearLabel), candidate);
    return `task-affinity: ${[...disturbed, unlabelled].filter((part) => part !== "").join("; ")}`;
  },
  summarize: (count) => `${workers(count)} too near to other tasks, or too far from them`,
};

/** Whether it can be told from a worker alone: no such task may be on it. */
export const isApartHere = ({ key, anti }: Nearness): boolean => key === "" && anti;

const isNearLabel = ({ key, anti }: Nearness): boolean => key !== "" && !anti;

function havingAll(keys: readonly string[]): ((candidate: Candidate) => boolean) | undefined {
  if (keys.length === 0) return undefined;
  const readers = keys.map(labelReader);
  return (candidate) => readers.every((read) => read(candidate) !== undefined);
}

const missing = (asked: readonly Readonly<{ key: string }>[], candidate: Candidate): string =>
  asked
    .filter(({ key }) => labelReader(key)(candidate) === undefined)
    .map(({ key }) => `has no ${key}`)
    .join(", ");
