import { ALL_FILTERS } from "./filters.ts";
import type { Scheduler } from "./scheduler.ts";

/**
 * Takes workers in turn: the one wins that has waited longest for a task, first those that never
 * had one. While all workers pass, that is the order of their IDs, round and round; a worker that
 * was left out for a while has the next turn, once.
 *
 * The score is the number of the placement that last chose the worker, negated.
 */
export const roundRobin: Scheduler = {
  name: "round-robin",
  filters: ALL_FILTERS,
  takesTurns: true,
  score: (_candidate, _demand, { lastChosen }) => 0 - lastChosen,
  ceiling: (score) => score,
};
