import type { Amount, Facts, Measured } from "./candidate.ts";
import { isSameCustom } from "./custom.ts";
import { isLabelledAlike, type Labelled } from "./labels.ts";

/** Whether nothing of a worker has changed but what is measured. */
export const isSteady = (before: Facts, after: Facts): boolean =>
  isLabelledAlike(before, after) && COMPARISONS.every((isSame) => isSame(before, after));

type Comparison = (a: Facts, b: Facts) => boolean;

/** One for each other fact: one that is missing would change unseen by rankings that are kept. */
const SAME: Readonly<Record<Exclude<keyof Facts, Measured | keyof Labelled>, Comparison>> = {
  ready: (a, b) => a.ready === b.ready,
  notReadyReason: (a, b) => a.notReadyReason === b.notReadyReason,
  capabilities: (a, b) => isSameSet(a.capabilities, b.capabilities),
  capacity: (a, b) => isSameAmount(a.capacity, b.capacity),
  customCapacity: (a, b) => isSameCustom(a.customCapacity, b.customCapacity),
};

const COMPARISONS = Object.values(SAME);

export const isSameAmount = (a: Amount, b: Amount): boolean =>
  a.cpuMillis === b.cpuMillis && a.memoryBytes === b.memoryBytes && a.diskBytes === b.diskBytes;

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a === b) return true;
  for (const each of b) if (!a.has(each)) return false;
  return a.size === b.size;
}
