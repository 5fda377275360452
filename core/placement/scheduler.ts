import type { Amount, Candidate } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import type { Filter } from "./filters.ts";

/** A way to choose among workers. The one with the highest score wins, of equals the lowest ID. */
export type Scheduler = Readonly<{
  /** As in `TaskSpec.scheduler`. */
  name: string;
  /** Which workers are asked at all, the most telling filter first. */
  filters: readonly Filter[];
  /** Whether it looks at `Context.lastChosen`. */
  takesTurns?: true;
  /**
   * The most that a worker can score for the demand that scores `score` for a demand for nothing, up
   * to rounding; grows with `score`. With it few workers are looked at, without it all are.
   */
  ceiling?: (score: number, demand: Demand, capacity: Amount) => number;
}> &
  (Steady | Lively);

/** A scheduler that does not care what workers measure: heartbeats cost it nothing. */
type Steady = Readonly<{ readsMeasurements?: false; score: Score<State> }>;

/** What such a scheduler sees of a worker: workers that are alike in this are alike to it. */
export type State = Pick<Candidate, "capacity" | "reserved" | "taskCount">;

/** One that does: its scores are made anew with every heartbeat. */
type Lively = Readonly<{ readsMeasurements: true; score: Score<Candidate> }>;

/**
 * How good it is to place the demand on a worker that passes every filter. Finite, and a function of
 * its arguments only: scores are kept until the worker changes.
 */
type Score<Worker> = (worker: Worker, demand: Demand, context: Context) => number;

/** What a scheduler may know of a worker beside its state. */
export type Context = Readonly<{
  /** Number of the placement that last chose this worker, growing with each. 0 means none did. */
  lastChosen: number;
}>;
