import { assert } from "../../lib/assert.ts";
import type { Assigned } from "../custom-resources.ts";
import { bookOn, measure, type OwnCandidate, own, renew, unbookOn } from "./booking.ts";
import { type Candidate, type Facts, NO_BOOKINGS, type Observed, observedOf } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import { createJournal, type Journal } from "./journal.ts";
import { createSizing } from "./sizes.ts";
import { isSteady } from "./steady.ts";

/** A worker's place in the fleet: the same object for as long as the worker is there. */
export type Slot = Readonly<{
  workerId: string;
  /** A small number that no other worker has meanwhile: where it stands in lists about workers. */
  seat: number;
  /** The worker as it is now; its bookings change in place. Absent once it was removed. */
  candidate: Candidate | undefined;
  /** See `Context`. */
  lastChosen: number;
}>;

/** The place of a worker that is there. */
export type Known = Slot & Readonly<{ candidate: Candidate }>;

export const isKnown = (slot: Slot): slot is Known => slot.candidate !== undefined;

/** For a place whose worker is there by all that its holder knows. */
export function known(slot: Slot | undefined): Known {
  assert(slot && isKnown(slot), "a worker is there");
  return slot;
}

/** What one task has on a worker. */
export type Holding = Readonly<{ demand: Demand; assigned?: Assigned | undefined }>;

/**
 * The workers, and which of them changed since when, so that whoever keeps something about workers
 * looks only at those again.
 */
export interface Fleet {
  get(workerId: string): Slot | undefined;
  /** Adds a worker or sets all that is known of it, also what is booked on it, and its turn if told. */
  set(candidate: Candidate, lastChosen?: number): void;
  /** Adds a worker or sets what is known of it, and keeps what is booked on it. */
  observe(facts: Facts): Observed;
  /** Books on a worker. False: no such worker. */
  book(workerId: string, holding: Holding): boolean;
  /** Books on the worker in a seat, whose turn it is now. */
  choose(seat: number, holding: Holding, lastChosen: number): void;
  /** Takes back what was booked. False: no such worker. */
  unbook(workerId: string, holding: Holding): boolean;
  remove(workerId: string): void;
  /** All workers, in the order of their IDs. Changes under the reader's hands. */
  slots(): readonly Slot[];
  /** Every change. */
  readonly changes: Journal;
  /** Every change but of measurements alone: with many workers those come by the thousand. */
  readonly steadyChanges: Journal;
}

type OwnSlot = {
  readonly workerId: string;
  readonly seat: number;
  candidate: OwnCandidate | undefined;
  lastChosen: number;
};

export function createFleet(): Fleet {
  const { byId, bySeat, slots, add, drop } = createRoster();
  const { changes, steadyChanges, note } = createJournals(slots);
  const sized = createSizing();

  function put(candidate: OwnCandidate, lastChosen?: number): void {
    const slot = byId.get(candidate.workerId) ?? add(candidate.workerId);
    slot.candidate = candidate;
    slot.lastChosen = lastChosen ?? slot.lastChosen;
    note(slot);
  }

  function bookIn(slot: OwnSlot | undefined, { demand, assigned }: Holding): boolean {
    if (slot?.candidate === undefined) return false;
    bookOn(slot.candidate, demand, assigned);
    note(slot);
    return true;
  }

  return {
    get: (workerId) => byId.get(workerId),
    set: (candidate, lastChosen) => put(own(sized(candidate), candidate), lastChosen),
    observe(facts) {
      const slot = byId.get(facts.workerId);
      const before = slot?.candidate;
      if (slot === undefined || before === undefined) {
        put(own(sized(facts), NO_BOOKINGS));
        return "new";
      }
      const observed = observedOf(before, facts);
      if (isSteady(before, facts)) {
        measure(before, facts);
        changes.note(slot, slots.length);
      } else put(renew(sized(facts), before));
      return observed;
    },
    book: (workerId, holding) => bookIn(byId.get(workerId), holding),
    choose(seat, holding, lastChosen) {
      const slot = bySeat[seat];
      assert(slot && bookIn(slot, holding), "a worker that was found is in its seat");
      slot.lastChosen = lastChosen;
    },
    unbook(workerId, { demand, assigned }) {
      const slot = byId.get(workerId);
      if (slot?.candidate === undefined) return false;
      unbookOn(slot.candidate, demand, assigned);
      note(slot);
      return true;
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

/** What changed of these workers, and what of it is not measured. */
function createJournals(slots: readonly Slot[]) {
  const changes = createJournal();
  const steadyChanges = createJournal();

  function note(slot: Slot): void {
    changes.note(slot, slots.length);
    steadyChanges.note(slot, slots.length);
  }

  return { changes, steadyChanges, note };
}

/** Who is there, by ID and in the order of IDs. */
function createRoster() {
  const byId = new Map<string, OwnSlot>();
  const bySeat: OwnSlot[] = [];
  const slots: OwnSlot[] = [];
  const freeSeats: number[] = [];

  function add(workerId: string): OwnSlot {
    const seat = freeSeats.pop() ?? slots.length;
    const slot = { workerId, seat, candidate: undefined, lastChosen: 0 };
    insertSlot(slots, slot);
    byId.set(workerId, slot);
    bySeat[seat] = slot;
    return slot;
  }

  function drop({ workerId, seat }: OwnSlot): void {
    slots.splice(positionOf(slots, workerId), 1);
    byId.delete(workerId);
    freeSeats.push(seat);
  }

  return { byId, bySeat, slots, add, drop };
}

/** Puts a worker among others in the order of their IDs. Most come in that order. */
export function insertSlot(slots: Slot[], slot: Slot): void {
  const position = positionOf(slots, slot.workerId);
  // To splice at the end would copy them all.
  if (position === slots.length) slots.push(slot);
  else slots.splice(position, 0, slot);
}

/** Where a worker is, or belongs, among workers in the order of their IDs. */
export function positionOf(slots: readonly Slot[], workerId: string): number {
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
