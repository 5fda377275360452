import type { Amount, Candidate } from "./candidate.ts";
import { insertSlot, type Known, positionOf, type Slot } from "./fleet.ts";
import { createRanking, type Entry } from "./ranking.ts";
import { isSameAmount } from "./steady.ts";

/** Workers in the same state: as far as amounts go, what holds of one holds of all. */
export type Shelf = Readonly<{
  /** Of each of them, for a demand for nothing. */
  score: number;
  capacity: Amount;
  /** In the order of their IDs; at least one. */
  slots: readonly Slot[];
}>;

/** Workers by their state, and states by their score. */
export interface Shelves {
  /** How many workers there are. */
  size(): number;
  /**
   * Adds a worker, moves it, or ranks it anew. Workers with the same amounts and number of tasks are
   * alike unless their `mark` tells them apart: so it must where the score is made of anything else.
   */
  put(slot: Known, mark: number, score: number): void;
  delete(slot: Slot): void;
  best(): Shelf | undefined;
  /** Shows the best first, until `visit` says false. Nothing may change meanwhile. */
  walk(visit: (shelf: Shelf) => boolean): void;
}

type OwnShelf = Entry & {
  capacity: Amount;
  cpuMillis: number;
  memoryBytes: number;
  diskBytes: number;
  taskCount: number;
  mark: number;
  /** Of all of these, so that a shelf is found by a number. */
  hash: number;
  /** Another shelf of that hash. */
  next: OwnShelf | undefined;
  readonly slots: Slot[];
};

export function createShelves(): Shelves {
  const directory = createDirectory();
  const ranking = createRanking<OwnShelf>();
  const shelfInSeat: (OwnShelf | undefined)[] = [];
  let size = 0;

  function open(slot: Known, mark: number, score: number): OwnShelf {
    const shelf = describe(slot, mark, score);
    directory.add(shelf);
    ranking.add(shelf);
    return shelf;
  }

  function putOn(shelf: OwnShelf, slot: Slot): void {
    size++;
    insertSlot(shelf.slots, slot);
    shelfInSeat[slot.seat] = shelf;
  }

  function takeFrom(shelf: OwnShelf, slot: Slot): void {
    size--;
    leave(slot, shelf);
    shelfInSeat[slot.seat] = undefined;
    if (shelf.slots.length > 0) return;
    directory.delete(shelf);
    ranking.delete(shelf);
  }

  /** A shelf whose only worker got into a new state goes with it. */
  function relabel(shelf: OwnShelf, slot: Known, mark: number, score: number): void {
    directory.delete(shelf);
    stateFrom(shelf, slot, mark);
    directory.add(shelf);
    ranking.setScore(shelf, score);
  }

  function move(before: OwnShelf, slot: Known, mark: number, score: number): void {
    const there = directory.find(slot, mark);
    if (there === undefined && before.slots.length === 1) relabel(before, slot, mark, score);
    else {
      takeFrom(before, slot);
      putOn(there ?? open(slot, mark, score), slot);
    }
  }

  return {
    size: () => size,
    put(slot, mark, score) {
      const before = shelfInSeat[slot.seat];
      if (before === undefined) putOn(directory.find(slot, mark) ?? open(slot, mark, score), slot);
      else if (!isState(before, slot, mark)) move(before, slot, mark, score);
      else if (before.score !== score) ranking.setScore(before, score);
    },
    delete(slot) {
      const shelf = shelfInSeat[slot.seat];
      if (shelf !== undefined) takeFrom(shelf, slot);
    },
    best: ranking.best,
    walk: ranking.walk,
  };
}

/** Those that leave do so in the order of their IDs most often, as those that come. */
function leave(slot: Slot, { slots }: OwnShelf): void {
  if (slots[0] === slot) slots.shift();
  else slots.splice(positionOf(slots, slot.workerId), 1);
}

/** A shelf for the state of a worker. */
function describe({ candidate }: Known, mark: number, score: number): OwnShelf {
  const { capacity, reserved, taskCount } = candidate;
  const { cpuMillis, memoryBytes, diskBytes } = reserved;
  const hash = hashOf(candidate, mark);
  const state = { capacity, cpuMillis, memoryBytes, diskBytes, taskCount, mark, hash };
  return { score, position: 0, ...state, next: undefined, slots: [] };
}

function stateFrom(shelf: OwnShelf, { candidate }: Known, mark: number): void {
  const { capacity, reserved, taskCount } = candidate;
  shelf.capacity = capacity;
  shelf.cpuMillis = reserved.cpuMillis;
  shelf.memoryBytes = reserved.memoryBytes;
  shelf.diskBytes = reserved.diskBytes;
  shelf.taskCount = taskCount;
  shelf.mark = mark;
  shelf.hash = hashOf(candidate, mark);
}

const isState = (shelf: OwnShelf, { candidate }: Known, mark: number): boolean =>
  shelf.cpuMillis === candidate.reserved.cpuMillis &&
  shelf.memoryBytes === candidate.reserved.memoryBytes &&
  shelf.diskBytes === candidate.reserved.diskBytes &&
  shelf.taskCount === candidate.taskCount &&
  shelf.mark === mark &&
  isSameAmount(shelf.capacity, candidate.capacity);

/** Multiplicative hashing (Knuth, The Art of Computer Programming 3, 6.4): 2^32 over the golden ratio. */
const GOLDEN = 0x9e3779b1;

const TWO_32 = 2 ** 32;

function hashOf({ reserved, taskCount }: Candidate, mark: number): number {
  const { cpuMillis, memoryBytes, diskBytes } = reserved;
  let hash = Math.imul(cpuMillis ^ taskCount, GOLDEN);
  // Amounts of memory and disk are often multiples of great powers of two.
  hash = Math.imul(hash ^ memoryBytes ^ (memoryBytes / TWO_32), GOLDEN);
  hash = Math.imul(hash ^ diskBytes ^ (diskBytes / TWO_32), GOLDEN);
  return Math.imul(hash ^ (hash >>> 15) ^ mark, GOLDEN);
}

/** Shelves by state. Those that share a hash are a list. */
function createDirectory() {
  const lists = new Map<number, OwnShelf>();

  return {
    find(slot: Known, mark: number): OwnShelf | undefined {
      let shelf = lists.get(hashOf(slot.candidate, mark));
      while (shelf !== undefined && !isState(shelf, slot, mark)) shelf = shelf.next;
      return shelf;
    },
    add(shelf: OwnShelf): void {
      shelf.next = lists.get(shelf.hash);
      lists.set(shelf.hash, shelf);
    },
    delete(shelf: OwnShelf): void {
      const first = lists.get(shelf.hash);
      if (first === shelf) {
        if (shelf.next === undefined) lists.delete(shelf.hash);
        else lists.set(shelf.hash, shelf.next);
        return;
      }
      let before = first;
      while (before !== undefined && before.next !== shelf) before = before.next;
      if (before !== undefined) before.next = shelf.next;
    },
  };
}
