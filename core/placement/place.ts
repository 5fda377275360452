import type { Assigned } from "../custom-resources.ts";
import { own } from "./booking.ts";
import type { Candidate, Facts, Observed } from "./candidate.ts";
import { chooseIds } from "./custom.ts";
import { type Decision, decide, type Placed } from "./decision.ts";
import type { Demand } from "./demand.ts";
import { type Appraisal, explain, type Past } from "./explain.ts";
import { createFleet, type Fleet, known } from "./fleet.ts";
import type { Contender } from "./ranked.ts";
import type { Scheduler } from "./scheduler.ts";
import { createSurveyor } from "./surveyor.ts";
import { NO_WISHES, refused, type Wishes } from "./wishes.ts";

/**
 * Decides where tasks go, and keeps the count of what it promised.
 *
 * The same calls in the same order give the same decisions. What a task was promised counts from
 * the decision until `release`, whether the task uses it or not.
 */
export interface Placer {
  /**
   * Chooses a worker for the demand and books it there, or says why no worker can take it. Wishes
   * cost nothing while there are none, and little else: no worker is looked at for them.
   */
  place(demand: Demand, scheduler: Scheduler, wishes?: Wishes): Decision;
  /**
   * Counts a demand that was placed earlier or elsewhere, fit or not, with the named things that it
   * got there. False: no such worker.
   */
  book(workerId: string, demand: Demand, assigned?: Assigned): boolean;
  /**
   * Gives back what one task was promised, as it was booked. False: no such worker, so nothing to
   * give back.
   */
  release(workerId: string, demand: Demand, assigned?: Assigned): boolean;
  /** Sets all that is known of a worker, also what is booked on it. */
  update(candidate: Candidate): void;
  /** Sets what is known of a worker and keeps what is booked on it. */
  observe(facts: Facts): Observed;
  remove(workerId: string): void;
  /** A worker as the next placement will see it. */
  candidate(workerId: string): Candidate | undefined;
  /**
   * Each worker's fitness for the demand, with all that speaks against it. Books nothing and takes
   * no worker's turn.
   */
  explain(demand: Demand, scheduler: Scheduler, past?: Past): readonly Appraisal[];
  /** A copy that decides as this one would from here on. Neither sees what the other is told. */
  fork(): Placer;
}

export function createPlacer(candidates: Iterable<Candidate> = []): Placer {
  const fleet = createFleet();
  for (const candidate of candidates) fleet.set(candidate);
  return createPlacerOf(fleet, 0);
}

/** `placed` is how many placements were made in the fleet: turns are told by their numbers. */
function createPlacerOf(fleet: Fleet, placed: number): Placer {
  const surveyor = createSurveyor(fleet);
  let placements = placed;

  /** Books what was decided, and says which of the worker's named things that is. */
  function promise(decision: Placed, { seat }: Contender, demand: Demand): Placed {
    const { custom } = demand;
    const assigned = custom && chooseIds(known(fleet.get(decision.workerId)).candidate, custom);
    placements++;
    fleet.choose(seat, { demand, assigned }, placements);
    return assigned ? { ...decision, assigned } : decision;
  }

  return {
    place(demand, scheduler, wishes = NO_WISHES) {
      const found = surveyor({ demand, scheduler }, wishes);
      const filters = wishes === NO_WISHES ? scheduler.filters : [...scheduler.filters, refused];
      const decision = decide(found, { filters, demand });
      const [first] = found.best;
      return decision.kind === "placed" && first ? promise(decision, first, demand) : decision;
    },
    book: (workerId, demand, assigned) => fleet.book(workerId, { demand, assigned }),
    release: (workerId, demand, assigned) => fleet.unbook(workerId, { demand, assigned }),
    update: (candidate) => fleet.set(candidate),
    observe: fleet.observe,
    remove: fleet.remove,
    candidate(workerId) {
      const candidate = fleet.get(workerId)?.candidate;
      return candidate && own(candidate, candidate);
    },
    explain: (demand, scheduler, past) => explain(fleet, { demand, scheduler }, past),
    fork: () => createPlacerOf(copyOf(fleet), placements),
  };
}

/** The same workers, with bookings and turns of their own. */
function copyOf(fleet: Fleet): Fleet {
  const copy = createFleet();
  for (const { candidate, lastChosen } of fleet.slots())
    if (candidate) copy.set(candidate, lastChosen);
  return copy;
}
