import { binpack } from "./binpack.ts";
import { epvm } from "./epvm.ts";
import { greedy } from "./greedy.ts";
import { roundRobin } from "./round-robin.ts";
import type { Scheduler } from "./scheduler.ts";
import { spread } from "./spread.ts";

/** Every scheduler by name. A new one is a file of its own and a word here. */
export const schedulers: ReadonlyMap<string, Scheduler> = new Map(
  [binpack, epvm, greedy, roundRobin, spread].map((scheduler) => [scheduler.name, scheduler]),
);

export const SCHEDULER_NAMES: readonly string[] = [...schedulers.keys()];

/** For tasks that name none, unless the manager is configured otherwise. */
export const DEFAULT_SCHEDULER = spread.name;
