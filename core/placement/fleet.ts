import { assert } from "../../lib/assert.ts";
import type { Candidate } from "./candidate.ts";
import { createJournal, type Journal } from "./journal.ts";

/** A worker's place in the fleet: the same object for as long as the worker is there. */
export type Slot = Readonly<{
  workerId: string;
  /** The worker as it is now. Absent once it was removed. */
  candidate: Candidate | undefined;
  /** See `Context`. */
  lastChosen: number;
}>;

/** The place of a worker that is there. */
export type Known = Slot & Readonly<{ candidate: Candidate }>;

export const isKnown = (slot: Slot): slot is Known => slot.candidate !== undefined;

/** For a place whose worker is there by all that its holder knows. */
export function known(slot: Slot | undefined): Known {
  assert(slot && isKnown(slot), `worker ${slot?.workerId} is there`);
  return slot;
}

/**
 * The workers, and which of them changed since when, so that whoever keeps something about workers
 * looks only at those again.
 */
export interface Fleet {
  get(workerId: string): Slot | undefined;
  /** Adds a worker or replaces what is known of it. Without `lastChosen` that stays. */
  set(candidate: Candidate, lastChosen?: number): void;
  /** Replaces a worker of which nothing has changed but what is measured. */
  measure(candidate: Candidate): void;
  remove(workerId: string): void;
  /** All workers, in the order of their IDs. Changes under the reader's hands. */
  slots(): readonly Slot[];
  /** Every change. */
  readonly changes: Journal;
  /** Every change but of measurements alone: with many workers those come by the thousand. */
  readonly steadyChanges: Journal;
}

type OwnSlot = { -readonly [K in keyof Slot]: Slot[K] };

export function createFleet(): Fleet {
  const byId = new Map<string, OwnSlot>();
  const slots: OwnSlot[] = [];
  const changes = createJournal();
  const steadyChanges = createJournal();

  function add(candidate: Candidate): OwnSlot {
    const { workerId } = candidate;
    const slot = { workerId, candidate, lastChosen: 0 };
    slots.splice(positionOf(slots, workerId), 0, slot);
    byId.set(workerId, slot);
    return slot;
  }

  function drop({ workerId }: OwnSlot): void {
    slots.splice(positionOf(slots, workerId), 1);
    byId.delete(workerId);
  }

  function note(slot: Slot): void {
    changes.note(slot, slots.length);
    steadyChanges.note(slot, slots.length);
  }

  return {
    get: (workerId) => byId.get(workerId),
    set(candidate, lastChosen) {
      const slot = byId.get(candidate.workerId) ?? add(candidate);
      slot.candidate = candidate;
      slot.lastChosen = lastChosen ?? slot.lastChosen;
      note(slot);
    },
    measure(candidate) {
      const slot = byId.get(candidate.workerId);
      assert(slot, `worker ${candidate.workerId} is known before it is measured`);
      slot.candidate = candidate;
      changes.note(slot, slots.length);
    },
    remove(workerId) {
      const slot = byId.get(workerId);
      if (slot === undefined) return;
      drop(slot);
      slot.candidate = undefined;
      note(slot);
    },
    slots: () => slots,
    changes,
    steadyChanges,
  };
}

/** Where a worker is, or belongs, among workers in the order of their IDs. */
function positionOf(slots: readonly Slot[], workerId: string): number {
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
