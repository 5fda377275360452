import type { Candidate } from "./candidate.ts";
import { verdict } from "./filters.ts";
import { type Fleet, isKnown, type Slot } from "./fleet.ts";
import type { Ranked } from "./ranked.ts";
import { type Examination, examine, type Question, rankedAt } from "./survey.ts";

/** What placement thinks of one worker for one demand. */
export type Appraisal =
  | (Readonly<{ kind: "fits" }> & Ranked)
  | Readonly<{ kind: "excluded"; workerId: string; objections: readonly Objection[] }>;

/** One filter's reason against a worker: "memory: needs 512 MiB, 128 MiB free". */
export type Objection = Readonly<{ filter: string; explanation: string }>;

/** Every worker's appraisal in the order of their IDs, with every filter's objection. */
export function explain(fleet: Fleet, question: Question): readonly Appraisal[] {
  const examination = examine(question);
  for (const { workerId, candidate } of fleet.slots())
    examination.counts.count(workerId, candidate);
  return fleet.slots().flatMap((slot) => appraise(slot, examination));
}

function appraise(slot: Slot, { question, counts }: Examination): Appraisal[] {
  if (!isKnown(slot)) return [];
  const { workerId, candidate } = slot;
  const objections = objectionsTo(candidate, question);
  const place = counts.judge(counts.cellOf(candidate));
  // A filter that has objected for the worker itself has said the same already.
  if (place.kind === "excluded" && !objections.some(({ filter }) => filter === place.filter.name))
    objections.push({ filter: place.filter.name, explanation: place.explanation });
  if (objections.length > 0 || place.kind === "excluded")
    return [{ kind: "excluded", workerId, objections }];
  return [{ kind: "fits", ...rankedAt(slot, place.lead, question) }];
}

const objectionsTo = (candidate: Candidate, { demand, scheduler }: Question): Objection[] =>
  scheduler.filters.flatMap((filter) => {
    const word = verdict(filter, candidate, demand);
    return word.kind === "passes" ? [] : [{ filter: filter.name, explanation: word.explanation }];
  });
