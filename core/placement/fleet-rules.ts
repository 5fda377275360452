import { runs } from "../platform.ts";
import type { Candidate } from "./candidate.ts";
import type { Demand, Nearness, SpreadOver } from "./demand.ts";
import type { Filter } from "./filters.ts";
import { labelReader } from "./labels.ts";
import { isApartHere, spreading, taskAffinity } from "./task-filters.ts";
import { countOf, type TaskKind } from "./task-kind.ts";
import { tasks } from "./words.ts";

/**
 * A rule that looks at more than one worker: tasks are counted over all workers that have the same
 * value, and what is allowed for one value may depend on the counts of the others.
 */
export type FleetRule = Readonly<{
  /** The one that a worker which the rule excludes is counted for. */
  filter: Filter;
  readValue: (worker: Candidate) => string;
  /** How many of the tasks that matter a worker has. */
  tasksOn: (worker: Candidate) => number;
  /** Whether a worker's value is one of those that are compared, though no task may be there. */
  takesPart: (worker: Candidate) => boolean;
  /** Whether workers with the value may take one more. */
  admits: (value: string, counts: Counts) => boolean;
  /** Of two values the one with the smaller number goes first. */
  lead: (value: string, counts: Counts) => number;
  /** What speaks against workers with the value, with numbers. */
  explain: (value: string, counts: Counts) => string;
}>;

/** What a rule counts: tasks that matter to it. */
export interface Counts {
  /** On workers with the value. */
  of(value: string): number;
  /** On all workers. */
  total(): number;
  /** The least among the values that take part. */
  least(): number;
}

const NO_RULES: readonly FleetRule[] = [];

/** The rules that a demand makes. Most make none. */
export function rulesOf(demand: Demand): readonly FleetRule[] {
  const { spreads, near } = demand;
  if (spreads.length === 0 && near.every(isApartHere)) return NO_RULES;
  return [
    ...spreads.map((spread) => spreadRule(spread, demand)),
    ...near.filter((each) => !isApartHere(each)).map((each) => nearRule(each, demand.kind)),
  ];
}

/** The value of workers that have none. No label can have it. */
const NONE = "\0";

function spreadRule({ key, maxSkew }: SpreadOver, demand: Demand): FleetRule {
  const read = labelReader(key);
  const isNamesake = ({ name }: TaskKind) => name === demand.kind.name;
  return {
    filter: spreading,
    readValue: (worker) => read(worker) ?? NONE,
    tasksOn: (worker) => countOf(worker.tally, isNamesake),
    takesPart: (worker) => read(worker) !== undefined && isMeant(worker, demand),
    admits: (value, counts) =>
      maxSkew === undefined || counts.of(value) + 1 - counts.least() <= maxSkew,
    lead: (value, counts) => counts.of(value),
    explain: (value, counts) =>
      `spread: ${key}=${value} has ${tasks(counts.of(value))} of the name ${demand.kind.name}, ` +
      `another only ${counts.least()}, and may be ahead by ${maxSkew}`,
  };
}

/** Whether a worker is one of those that the task could ever run on, full or not. */
const isMeant = (worker: Candidate, { platform, conditions }: Demand): boolean =>
  worker.ready &&
  (platform === undefined || runs(worker, platform)) &&
  conditions.every(({ holds }) => holds(worker));

function nearRule({ key, anti, isMeant: matters, text }: Nearness, own: TaskKind): FleetRule {
  const read = labelReader(key);
  const tasksOn = ({ tally }: Candidate) => countOf(tally, matters);
  // Where the value is the worker itself it is enough to know whether there are any.
  const valueHere = (worker: Candidate) => (tasksOn(worker) > 0 ? "this worker" : NONE);
  // The first of tasks that want to be together cannot be near another.
  const isFirst = (counts: Counts) => counts.total() === 0 && matters(own);
  const where = (value: string) => (key === "" ? "on it" : `where ${key}=${value}`);
  return {
    filter: taskAffinity,
    readValue: key === "" ? valueHere : (worker) => read(worker) ?? NONE,
    tasksOn,
    takesPart: () => false,
    admits: anti
      ? (value, counts) => value === NONE || counts.of(value) === 0
      : (value, counts) => counts.of(value) > 0 || isFirst(counts),
    lead: () => 0,
    explain: (value, counts) =>
      anti
        ? `task-affinity: ${tasks(counts.of(value))} with ${text} ${where(value)}`
        : `task-affinity: no task with ${text} ${where(value)}`,
  };
}
