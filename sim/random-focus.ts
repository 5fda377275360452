import type { Dice } from "./dice.ts";
import type { FaultName } from "./faults.ts";

/** A kind of trouble that a plan is all about, so that nothing else excuses what follows. */
export type Focus = Readonly<{
  kinds: readonly FaultName[];
  workerCount: number;
  /** The machines that it befalls, where its faults leave a choice. Absent: any. */
  machines?: readonly string[];
  /** The two machines between which it lies, where it is a way. Absent: any. */
  pair?: readonly [string, string];
  /** How many faults there are, at least and at most. */
  count: readonly [number, number];
  /** How long each lasts at least. */
  leastMs: number;
  /** Whether users change their minds at once. Absent: as it comes. */
  isHasty?: boolean;
}>;

const FOCUSES: readonly Focus[] = [
  { kinds: ["blackout"], workerCount: 3, count: [1, 1], leastMs: 9_000 },
  { kinds: ["isolation", "partition"], workerCount: 3, count: [1, 1], leastMs: 10_000 },
  // A worker is gone for longer than anybody waits for it.
  {
    kinds: ["power-loss", "freeze", "crash", "isolation"],
    machines: ["worker-1"],
    ...{ workerCount: 3, count: [1, 1], leastMs: 35_000 },
  },
  // Those who know where the others are go at almost the same time.
  {
    kinds: ["power-loss", "power-loss", "freeze", "crash", "restart"],
    machines: ["manager", "registry"],
    ...{ workerCount: 3, count: [1, 3], leastMs: 0 },
  },
  // A worker goes in the middle of what its engine is about.
  {
    kinds: ["engine-answers-lost", "engine-slow", "crash-amid-change", "crash", "power-loss"],
    machines: ["worker-1"],
    ...{ workerCount: 1, count: [6, 14], leastMs: 0 },
  },
  // A worker that hears from no registry ends what must not run twice, and goes meanwhile.
  {
    kinds: ["crash", "freeze", "power-loss", "crash-amid-change", "crash-amid-change"],
    machines: ["registry"],
    ...{ workerCount: 1, count: [3, 8], leastMs: 8_000 },
  },
  // What is wished changes faster than it can be told.
  {
    kinds: ["slow-network"],
    pair: ["manager", "worker-1"],
    isHasty: true,
    ...{ workerCount: 1, count: [1, 2], leastMs: 20_000 },
  },
  // The calendar by which tasks are restarted is wrong for a while.
  {
    kinds: ["clock-step"],
    machines: ["manager"],
    ...{ workerCount: 2, count: [1, 3], leastMs: 5_000 },
  },
];

export const anyFocus = (dice: Dice): Focus => dice.any(FOCUSES);
