import type { Slot } from "./fleet.ts";

/** Which workers changed since when, as far as that is remembered. */
export interface Journal {
  /** Now, as `replay` counts. */
  time(): number;
  /**
   * Shows the workers that changed since `time`, some repeatedly. False when that is too long ago:
   * then it shows none.
   */
  replay(time: number, visit: (slot: Slot) => void): boolean;
}

/** Changes that are remembered for each worker: further back it is cheaper to look at them all. */
const CHANGES_PER_WORKER = 2;

/** Changes that are remembered however small the fleet is. */
const CHANGES_MIN = 256;

export function createJournal() {
  let changes: Slot[] = [];
  let forgotten = 0;

  return {
    note(slot: Slot, workerCount: number): void {
      changes.push(slot);
      const max = Math.max(CHANGES_MIN, CHANGES_PER_WORKER * workerCount);
      if (changes.length <= 2 * max) return;
      forgotten += changes.length - max;
      changes = changes.slice(-max);
    },
    time: () => forgotten + changes.length,
    replay(time: number, visit: (slot: Slot) => void): boolean {
      if (time < forgotten) return false;
      for (let index = time - forgotten; index < changes.length; index++) {
        const slot = changes[index];
        if (slot !== undefined) visit(slot);
      }
      return true;
    },
  };
}
