import { arrange, book, unbook } from "./booking.ts";
import { type Candidate, type Facts, NO_BOOKINGS } from "./candidate.ts";
import { type Decision, decide, RUNNER_UPS_MAX } from "./decision.ts";
import type { Demand } from "./demand.ts";
import { type Appraisal, explain } from "./explain.ts";
import { createFleet } from "./fleet.ts";
import { createRecent } from "./recent.ts";
import type { Scheduler } from "./scheduler.ts";
import { createStanding, type Standing } from "./standing.ts";
import { type Survey, survey } from "./survey.ts";

/**
 * Decides where tasks go, and keeps the count of what it promised.
 *
 * The same calls in the same order give the same decisions. What a task was promised counts from
 * the decision until `release`, whether the task uses it or not.
 */
export interface Placer {
  /** Chooses a worker for the demand and books it there, or says why no worker can take it. */
  place(demand: Demand, scheduler: Scheduler): Decision;
  /** Counts a demand that was placed earlier or elsewhere, fit or not. False: no such worker. */
  book(workerId: string, demand: Demand): boolean;
  /** Gives back what one task was promised. False: no such worker, so nothing to give back. */
  release(workerId: string, demand: Demand): boolean;
  /** Sets all that is known of a worker, also what is booked on it. */
  update(candidate: Candidate): void;
  /** Sets what is known of a worker and keeps what is booked on it. */
  observe(facts: Facts): void;
  remove(workerId: string): void;
  /** A worker as the next placement will see it. */
  candidate(workerId: string): Candidate | undefined;
  /** Each worker's fitness for the demand, with all that speaks against it. Books nothing. */
  explain(demand: Demand, scheduler: Scheduler): readonly Appraisal[];
}

/**
 * Kinds of demands whose standing is kept. Each costs about 100 bytes a worker, and up to one look
 * at each changed worker when it is used again.
 */
const STANDINGS_MAX = 64;

/** Kinds of demands that are remembered as seen: only the second of a kind gets a standing. */
const SEEN_MAX = 4096;

export function createPlacer(candidates: Iterable<Candidate> = []): Placer {
  const fleet = createFleet();
  const standings = createRecent<Standing>(STANDINGS_MAX);
  const seen = createRecent<true>(SEEN_MAX);
  let placements = 0;

  const update = (candidate: Candidate) => fleet.set(arrange(candidate, candidate));
  for (const candidate of candidates) update(candidate);

  /** A standing pays off only when it is used again, so a first demand of a kind makes none. */
  function look(demand: Demand, scheduler: Scheduler): Survey {
    const count = RUNNER_UPS_MAX + 1;
    const kind = `${scheduler.name} ${demand.key}`;
    const standing = standings.get(kind);
    if (standing !== undefined) return standing.survey(count);
    if (seen.get(kind) === undefined) {
      seen.set(kind, true);
      return survey(fleet, { demand, scheduler }, count);
    }
    const fresh = createStanding(fleet, { demand, scheduler });
    standings.set(kind, fresh);
    return fresh.survey(count);
  }

  /** Replaces a worker by what `change` makes of it. */
  function change(
    workerId: string,
    make: (worker: Candidate) => Candidate,
    turn?: number,
  ): boolean {
    const worker = fleet.get(workerId)?.candidate;
    if (worker !== undefined) fleet.set(make(worker), turn);
    return worker !== undefined;
  }

  return {
    place(demand, scheduler) {
      const decision = decide(look(demand, scheduler), scheduler.filters);
      if (decision.kind === "placed") {
        placements++;
        change(decision.workerId, (worker) => book(worker, demand), placements);
      }
      return decision;
    },
    book: (workerId, demand) => change(workerId, (worker) => book(worker, demand)),
    release: (workerId, demand) => change(workerId, (worker) => unbook(worker, demand)),
    update,
    observe: (facts) =>
      fleet.set(arrange(facts, fleet.get(facts.workerId)?.candidate ?? NO_BOOKINGS)),
    remove: (workerId) => fleet.remove(workerId),
    candidate: (workerId) => fleet.get(workerId)?.candidate,
    explain: (demand, scheduler) => explain(fleet, { demand, scheduler }),
  };
}
