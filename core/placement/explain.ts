import type { Candidate } from "./candidate.ts";
import { verdict } from "./filters.ts";
import type { Fleet, Slot } from "./fleet.ts";
import { type Question, scoreOf } from "./survey.ts";

/** What placement thinks of one worker for one demand. */
export type Appraisal =
  | Readonly<{ kind: "fits"; workerId: string; score: number }>
  | Readonly<{ kind: "excluded"; workerId: string; objections: readonly Objection[] }>;

/** One filter's reason against a worker: "memory: needs 512 MiB, 128 MiB free". */
export type Objection = Readonly<{ filter: string; explanation: string }>;

/** Every worker's appraisal in the order of their IDs, with every filter's objection. */
export const explain = (fleet: Fleet, question: Question): readonly Appraisal[] =>
  fleet.slots().flatMap((slot) => appraise(slot, question));

function appraise(slot: Slot, question: Question): Appraisal[] {
  const { workerId, candidate } = slot;
  if (candidate === undefined) return [];
  const objections = objectionsTo(candidate, question);
  if (objections.length > 0) return [{ kind: "excluded", workerId, objections }];
  return [{ kind: "fits", workerId, score: scoreOf(slot, question) }];
}

const objectionsTo = (candidate: Candidate, { demand, scheduler }: Question): Objection[] =>
  scheduler.filters.flatMap((filter) => {
    const word = verdict(filter, candidate, demand);
    return word.kind === "passes" ? [] : [{ filter: filter.name, explanation: word.explanation }];
  });
