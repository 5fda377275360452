import type { Candidate } from "./candidate.ts";
import { customFree } from "./custom.ts";
import { createDemand, type Demand, type Nearness } from "./demand.ts";
import { labelReader } from "./labels.ts";
import { examine, type Question } from "./survey.ts";
import { countOf } from "./task-kind.ts";

/** A task that asks for less than it does. */
export type Relaxation = Readonly<{
  /** What to do, for people: "drop the constraint zone=a". One text, one demand. */
  text: string;
  demand: Demand;
}>;

/** What a task might ask less of, one thing each, so that a filter lets it onto a worker. */
export function relaxationsOf(
  filter: string,
  candidate: Candidate,
  demand: Demand,
): readonly Relaxation[] {
  switch (filter) {
    case "constraint":
      return [withoutConditions(candidate, demand)];
    case "custom":
      return [withFewer(candidate, demand)];
    case "max-per-worker":
      return [withOneMore(candidate, demand)];
    case "spread":
      return demand.spreads.flatMap((_, index) => looser(index, candidate, demand));
    case "task-affinity":
      return demand.near.map((near) => withoutNear(near, demand));
    default:
      return [];
  }
}

const changed = (demand: Demand, changes: Partial<Demand>): Demand =>
  createDemand({ ...demand, ...changes });

function withoutConditions(candidate: Candidate, demand: Demand): Relaxation {
  const failing = demand.conditions.filter(({ holds }) => !holds(candidate));
  const conditions = demand.conditions.filter((condition) => !failing.includes(condition));
  const noun = failing.length > 1 ? "constraints" : "constraint";
  const text = `drop the ${noun} ${failing.map((condition) => condition.text).join(", ")}`;
  return { text, demand: changed(demand, { conditions }) };
}

/** Of each custom resource as much as is free. */
function withFewer(candidate: Candidate, demand: Demand): Relaxation {
  const { custom = [] } = demand;
  const fewer = custom.map(({ name, count }) => {
    const free = Math.max(0, customFree(candidate, name));
    return { name, count: Math.min(count, free), before: count };
  });
  const texts = fewer
    .filter(({ count, before }) => count < before)
    .map(({ name, count, before }) => `${count === 0 ? "no" : count} ${name} instead of ${before}`);
  const kept = fewer.filter(({ count }) => count > 0);
  const needs = kept.map(({ name, count }) => ({ name, count }));
  return {
    text: `reserve ${texts.join(" and ")}`,
    demand: changed(demand, { custom: needs.length > 0 ? needs : undefined }),
  };
}

function withOneMore({ tally }: Candidate, demand: Demand): Relaxation {
  const { name } = demand.kind;
  const maxPerWorker = countOf(tally, (kind) => kind.name === name) + 1;
  const text = `raise the most of the name ${name} per worker from ${demand.maxPerWorker} to ${maxPerWorker}`;
  return { text, demand: changed(demand, { maxPerWorker }) };
}

/** A spread that asks for a label is dropped where it is missing; others only prefer from now on. */
function looser(index: number, candidate: Candidate, demand: Demand): readonly Relaxation[] {
  const spread = demand.spreads[index];
  if (spread === undefined) return [];
  const { key, maxSkew } = spread;
  if (labelReader(key)(candidate) === undefined) {
    const spreads = demand.spreads.toSpliced(index, 1);
    return [{ text: `drop the spread over ${key}`, demand: changed(demand, { spreads }) }];
  }
  if (maxSkew === undefined) return [];
  const spreads = demand.spreads.with(index, { key, maxSkew: undefined });
  const text = `drop the greatest skew of the spread over ${key}`;
  return [{ text, demand: changed(demand, { spreads }) }];
}

function withoutNear(dropped: Nearness, demand: Demand): Relaxation {
  const { key, anti, text: labels } = dropped;
  const where = key === "" ? labels : `${labels}@${key}`;
  const near = demand.near.filter((each) => each !== dropped);
  const text = `no longer ask to be ${anti ? "apart from" : "near"} ${where}`;
  return { text, demand: changed(demand, { near }) };
}

/** Relaxations that are tried. Beyond, none is found to be enough: each costs a look at the fleet. */
const TRIALS_MAX = 16;

/**
 * Whether a worker could take the task as relaxed. What is counted over the fleet may change with
 * what is asked, so it is counted anew, once a relaxation.
 */
export function createTrial(fleet: readonly Candidate[], scheduler: Question["scheduler"]) {
  const trials = new Map<string, (candidate: Candidate) => boolean>();

  function begin(demand: Demand): (candidate: Candidate) => boolean {
    const { counts, findExcluding } = examine({ demand, scheduler });
    for (const [seat, candidate] of fleet.entries()) counts.count({ seat, candidate });
    return (candidate) =>
      findExcluding(candidate) === undefined &&
      counts.judge(counts.cellOf(candidate)).kind === "admitted";
  }

  return ({ text, demand }: Relaxation, candidate: Candidate): boolean => {
    const known = trials.get(text);
    if (known === undefined && trials.size === TRIALS_MAX) return false;
    const isEnough = known ?? begin(demand);
    trials.set(text, isEnough);
    return isEnough(candidate);
  };
}
