import { ALL_FILTERS } from "./filters.ts";
import { cpuMeasured, memoryMeasured, share, taskMaximum } from "./load.ts";
import type { Scheduler } from "./scheduler.ts";

/** Lieb's square ice constant, 1.53960071783900203869, as far as a double can hold it. */
const LIEB = 1.539600717839002;

/** What is loaded a hundred times over is as bad as anything. It keeps all powers finite. */
const LOAD_MAX = 100;

/**
 * Minimises opportunity cost, as E-PVM does: the worker wins on which the task adds least to a cost
 * that grows exponentially with load, so that the last tenth of a resource costs more than the
 * first. CPU, memory and the number of tasks each have their price.
 *
 * The score is the added cost, negated.
 */
export const epvm: Scheduler = {
  name: "epvm",
  filters: ALL_FILTERS,
  readsMeasurements: true,
  score(worker, { amount }): number {
    const { capacity, reserved, taskCount } = worker;
    const cpu = Math.max(cpuMeasured(worker), share(reserved.cpuMillis, capacity.cpuMillis));
    const memory = Math.max(
      memoryMeasured(worker),
      share(reserved.memoryBytes, capacity.memoryBytes),
    );
    const tasksMax = taskMaximum(capacity);
    const cost =
      addedCost(cpu, share(amount.cpuMillis, capacity.cpuMillis)) +
      addedCost(memory, share(amount.memoryBytes, capacity.memoryBytes)) +
      2 * addedCost(taskCount / tasksMax, 1 / tasksMax);
    return 0 - cost;
  },
};

/** What it costs to load something more, when it is loaded already. */
function addedCost(load: number, added: number): number {
  const before = Math.min(load, LOAD_MAX);
  return LIEB ** (before + Math.min(added, LOAD_MAX)) - LIEB ** before;
}
