import type { Amount } from "./candidate.ts";
import { ALL_FILTERS } from "./filters.ts";
import { cpuTaken, memoryTaken } from "./load.ts";
import type { Scheduler } from "./scheduler.ts";

/**
 * Fills workers one after another, so that others stay free for big tasks or can be switched off:
 * the worker wins that is fullest after the placement. Of workers that are as full in sum, the one
 * that is evenly full wins: it leaves no CPU behind that lacks memory.
 *
 * The score is that of "BestFit v3", which Google used and Nomad uses: 0 is an idle worker, 1 a full
 * one. A task that reserves nothing fits everywhere, so for such a task a worker that is full without
 * it comes after all others, with a score below 0.
 */
export const binpack: Scheduler = {
  name: "binpack",
  filters: ALL_FILTERS,
  score({ capacity, reserved, taskCount }, { amount }): number {
    const tasks = taskCount + 1;
    const cpu = cpuTaken(capacity, reserved.cpuMillis + amount.cpuMillis, tasks);
    const memory = memoryTaken(capacity, reserved.memoryBytes + amount.memoryBytes, tasks);
    const fullest = Math.max(cpu, memory);
    if (fullest > 1 && isBoundless(amount)) return 1 - fullest;
    return (20 - 10 ** (1 - cpu) - 10 ** (1 - memory)) / 18;
  },
  // The two powers that are taken off fall by no more than the greater share allows.
  ceiling(score, { amount }, { smallest }) {
    const cpu = cpuTaken(smallest, amount.cpuMillis, 0);
    const memory = memoryTaken(smallest, amount.memoryBytes, 0);
    return (20 - (20 - 18 * score) * 10 ** -Math.max(cpu, memory)) / 18;
  },
};

/** Whether no number of such tasks is too many for a worker. */
const isBoundless = ({ cpuMillis, memoryBytes }: Amount): boolean =>
  cpuMillis === 0 && memoryBytes === 0;
