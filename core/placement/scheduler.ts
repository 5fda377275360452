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
   * The most that a worker of one of these capacities can score for the demand that scores `score`
   * for next to nothing, up to rounding; never falls as `score` grows. With it few workers are
   * looked at, without it all are.
   */
  ceiling?: (score: number, demand: Demand, capacities: Capacities) => number;
}> &
  (Steady | Lively);

/** No worker's capacity is outside, amount by amount. */
export type Capacities = Readonly<{ smallest: OwnAmount; largest: OwnAmount }>;

type OwnAmount = { -readonly [K in keyof Amount]: number };

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
