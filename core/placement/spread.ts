import type { Candidate } from "./candidate.ts";
import { ALL_FILTERS } from "./filters.ts";
import { cpuTaken, memoryTaken } from "./load.ts";
import type { Scheduler } from "./scheduler.ts";

/**
 * Keeps all workers equally full: the worker wins that has the greatest share of its CPU and memory
 * left after the placement. Of equal workers that is the one with the fewest tasks; of unequal ones
 * the bigger takes more.
 *
 * The score is that share: 1 is an idle worker, below 0 the tasks' weights exceed the capacity.
 */
export const spread: Scheduler = {
  name: "spread",
  filters: ALL_FILTERS,
  score({ capacity, reserved, taskCount }, { amount }): number {
    const tasks = taskCount + 1;
    const cpu = cpuTaken(capacity, reserved.cpuMillis + amount.cpuMillis, tasks);
    const memory = memoryTaken(capacity, reserved.memoryBytes + amount.memoryBytes, tasks);
    return 1 - (cpu + memory) / 2;
  },
  // What the demand takes is the smallest share of the largest worker.
  ceiling: (score, { amount }, { largest }) =>
    score -
    (cpuTaken(largest, amount.cpuMillis, 0) + memoryTaken(largest, amount.memoryBytes, 0)) / 2,
};

/** How full a worker is as `spread` counts it: 0 is idle, 1 is all that it offers. */
export function fullnessOf({ capacity, reserved, taskCount }: Candidate): number {
  const cpu = cpuTaken(capacity, reserved.cpuMillis, taskCount);
  return (cpu + memoryTaken(capacity, reserved.memoryBytes, taskCount)) / 2;
}
