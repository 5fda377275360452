import type { Candidate } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import { ALL_FILTERS } from "./filters.ts";
import type { Scheduler } from "./scheduler.ts";

/**
 * What each task weighs beside its reservation, so that tasks which reserve nothing are spread
 * too. The amounts are those that Kubernetes' scorers count for a pod without requests.
 */
const TASK_CPU_MILLIS = 100;
const TASK_MEMORY_BYTES = 200 * 1024 * 1024;

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
  score(candidate: Candidate, { amount }: Demand): number {
    const { capacity, reserved } = candidate;
    const tasks = candidate.taskCount + 1;
    const cpu = reserved.cpuMillis + amount.cpuMillis + tasks * TASK_CPU_MILLIS;
    const memory = reserved.memoryBytes + amount.memoryBytes + tasks * TASK_MEMORY_BYTES;
    return 1 - (share(cpu, capacity.cpuMillis) + share(memory, capacity.memoryBytes)) / 2;
  },
};

/** How full a worker is as `spread` counts it: 0 is idle, 1 is all that it offers. */
export function fullnessOf({ capacity, reserved, taskCount }: Candidate): number {
  const cpu = reserved.cpuMillis + taskCount * TASK_CPU_MILLIS;
  const memory = reserved.memoryBytes + taskCount * TASK_MEMORY_BYTES;
  return (share(cpu, capacity.cpuMillis) + share(memory, capacity.memoryBytes)) / 2;
}

/** A worker that offers nothing counts as one that offers the least unit. */
const share = (used: number, capacity: number): number => used / Math.max(capacity, 1);
