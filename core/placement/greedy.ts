import type { Candidate } from "./candidate.ts";
import { ALL_FILTERS } from "./filters.ts";
import { cpuMeasured, cpuTaken } from "./load.ts";
import type { Scheduler } from "./scheduler.ts";

/**
 * Goes where the least is going on: the worker wins whose CPU is least loaded now, whatever the task
 * needs. What is promised and not yet used counts as if it were used, else all tasks that come
 * between two measurements would go to one worker.
 *
 * The score is the load, negated: 0 is an idle worker.
 */
export const greedy: Scheduler = {
  name: "greedy",
  filters: ALL_FILTERS,
  readsMeasurements: true,
  score: (worker) => 0 - cpuLoad(worker),
  ceiling: (score) => score,
};

function cpuLoad(worker: Candidate): number {
  const { capacity, reserved, taskCount } = worker;
  return Math.max(cpuMeasured(worker), cpuTaken(capacity, reserved.cpuMillis, taskCount));
}
