import { assert } from "../assert.ts";
import { CompactedError, type StoreChange, type StoreError } from "./store.ts";

/** How many changes a store remembers for its watchers. */
const HISTORY_CHANGES_MAX = 10_000;

/**
 * The latest changes of a store, kept in memory for its watchers.
 *
 * A watcher holds nothing but the revision it has read up to. One that reads too
 * slowly finds that its place in the history is gone, so no queue grows for it.
 */
export interface History {
  /** Adds what one batch changed. Its revision follows the last one. */
  append(revision: bigint, changes: readonly StoreChange[]): void;
  /** As `Store.watch`. */
  watch(prefix: string, afterRevision: bigint, signal: AbortSignal): AsyncGenerator<StoreChange[]>;
  /** The latest revision that was added. */
  head(): bigint;
  /** Goes on after `revision` without what came before: those who had not read it are told. */
  skipTo(revision: bigint): void;
  /** Ends every watch, now and later, with `error`. */
  end(error: StoreError): void;
}

/** A history that begins after `revision` and holds at most `max` changes, or one larger batch. */
export function createHistory(revision: bigint, max = HISTORY_CHANGES_MAX): History {
  let past = createPast(revision, max);
  const bell = createBell();
  let ended: StoreError | undefined;

  /** What came after `cursor`. */
  function since(cursor: bigint): StoreChange[] {
    if (ended) throw ended;
    return past.since(cursor);
  }

  /** Resolves once there is more to read than up to `cursor`, or `signal` aborts. */
  async function newsAfter(cursor: bigint, signal: AbortSignal): Promise<void> {
    if (past.head() === cursor && !ended) await bell.heard(signal);
  }

  async function* watch(prefix: string, afterRevision: bigint, signal: AbortSignal) {
    let cursor = afterRevision;
    while (!signal.aborted) {
      const changes = since(cursor).filter(({ key }) => key.startsWith(prefix));
      cursor = past.head();
      if (changes.length > 0) yield changes;
      await newsAfter(cursor, signal);
    }
  }

  return {
    watch,
    append(next, changes) {
      past.append(next, changes);
      bell.ring();
    },
    head: () => past.head(),
    skipTo(next) {
      past = createPast(next, max);
      bell.ring();
    },
    end(error) {
      ended ??= error;
      bell.ring();
    },
  };
}

/** The batches of the revisions after `floor`, the oldest forgotten when there are too many changes. */
function createPast(floorAtFirst: bigint, max: number) {
  let floor = floorAtFirst;
  let head = floorAtFirst;
  /** Entry `i` holds the changes of revision `floor + 1 + i`. */
  let batches: (readonly StoreChange[])[] = [];
  let size = 0;

  /** Lets go of an eighth more than it must, so that the array is not copied at every append. */
  function forgetOldest(): void {
    const goal = max - Math.floor(max / 8);
    let count = 0;
    while (size > goal && count < batches.length - 1) size -= batches[count++]?.length ?? 0;
    batches = batches.slice(count);
    floor += BigInt(count);
  }

  return {
    head: () => head,
    append(revision: bigint, changes: readonly StoreChange[]): void {
      assert(revision === head + 1n, `revision ${revision} does not follow revision ${head}`);
      head = revision;
      batches.push(changes);
      size += changes.length;
      if (size > max) forgetOldest();
    },
    /** Throws a CompactedError when the changes after `cursor` are not known. */
    since(cursor: bigint): StoreChange[] {
      if (cursor < floor || cursor > head) {
        const known = `only those after ${floor} up to ${head} are: list, then watch from there`;
        throw new CompactedError(`changes after revision ${cursor} are not kept, ${known}`);
      }
      return batches.slice(Number(cursor - floor)).flat();
    },
  };
}

/** Wakes all who wait. */
function createBell() {
  const sleepers = new Set<() => void>();
  return {
    ring(): void {
      for (const wake of sleepers) wake();
    },
    /** Resolves at the next ring, or when `signal` aborts. */
    heard: (signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        const wake = () => {
          sleepers.delete(wake);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        sleepers.add(wake);
        signal.addEventListener("abort", wake);
        if (signal.aborted) wake();
      }),
  };
}
