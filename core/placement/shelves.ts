import { assert } from "../../lib/assert.ts";
import type { Slot } from "./fleet.ts";
import { createRanking } from "./ranking.ts";

/** Workers in the same state: as far as amounts go, what holds of one holds of all. */
export type Shelf = Readonly<{
  /** Of each of them, for a demand for nothing. */
  score: number;
  /** In the order of their IDs; at least one. */
  slots: readonly Slot[];
}>;

/** Workers by their state, and states by their score. */
export interface Shelves {
  /** How many workers there are. */
  readonly size: number;
  /** Adds a worker or moves it. `state` tells states apart. */
  put(slot: Slot, state: string, score: number): void;
  delete(workerId: string): void;
  /** The best first. Nothing may change meanwhile. */
  walk(): Generator<Shelf, void, undefined>;
}

type OwnShelf = { readonly state: string; readonly score: number; readonly slots: Slot[] };

export function createShelves(): Shelves {
  const shelves = new Map<string, OwnShelf>();
  const shelfOf = new Map<string, OwnShelf>();
  const ranking = createRanking();

  function open(state: string, score: number): OwnShelf {
    const shelf = { state, score, slots: [] };
    shelves.set(state, shelf);
    ranking.set(state, score);
    return shelf;
  }

  function leave(workerId: string, shelf: OwnShelf): void {
    const { slots, state } = shelf;
    const position = positionOf(slots, workerId);
    // The first leaves most often, and of a long list nothing else goes as quickly.
    if (position === 0) slots.shift();
    else slots.splice(position, 1);
    if (slots.length > 0) return;
    shelves.delete(state);
    ranking.delete(state);
  }

  return {
    get size() {
      return shelfOf.size;
    },
    put(slot, state, score) {
      const { workerId } = slot;
      const before = shelfOf.get(workerId);
      if (before?.state === state) return;
      if (before) leave(workerId, before);
      const shelf = shelves.get(state) ?? open(state, score);
      shelf.slots.splice(positionOf(shelf.slots, workerId), 0, slot);
      shelfOf.set(workerId, shelf);
    },
    delete(workerId) {
      const shelf = shelfOf.get(workerId);
      if (shelf === undefined) return;
      leave(workerId, shelf);
      shelfOf.delete(workerId);
    },
    *walk() {
      for (const state of ranking.walk()) {
        const shelf = shelves.get(state);
        assert(shelf !== undefined, "every state in the ranking has a shelf");
        yield shelf;
      }
    },
  };
}

/** Where a worker is, or belongs. */
function positionOf(slots: readonly Slot[], workerId: string): number {
  const last = slots.at(-1);
  if (last === undefined || last.workerId < workerId) return slots.length;
  let low = 0;
  let high = slots.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const slot = slots[middle];
    if (slot !== undefined && slot.workerId < workerId) low = middle + 1;
    else high = middle;
  }
  return low;
}
