import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics, setFlagsFromString } from "node:v8";

/**
 * What a small heap holds. A manager and a registry of a thousand idle workers hold 90 MB, and
 * somebody who brings ten thousand tasks is past this after the first thousands.
 */
const SMALL_BYTES = 128e6;

/**
 * A small heap is collected when it has grown by this many percent. With 30 a thousand idle workers
 * take some 5 MB more and no less CPU that could be measured.
 */
const SMALL_GROWTH_PERCENT = 20;

/** V8's own choice, by how fast the program fills the heap: up to four times (heap-controller.h). */
const V8_DECIDES = 0;

/**
 * Keeps a small heap from growing much before V8 looks through the old part of it. Services at
 * rest make little garbage, but nearly all of it is old: the last heartbeat of each worker, until the
 * next one. By V8's own rule it piles up to more than what is in use. A large heap is left to V8: to
 * look through it takes long, and who fills it has work to do.
 *
 * To be called once for each process.
 */
export function keepHeapSmall(): void {
  let percent: number | undefined;

  function decide(): void {
    const wanted = growthPercentOf(getHeapStatistics().used_heap_size);
    if (wanted === percent) return;
    percent = wanted;
    // V8 reads it whenever it sets the next limit, at the end of each such collection.
    setFlagsFromString(`--heap-growing-percent=${percent}`);
  }

  const observer = new PerformanceObserver((list) => {
    if (list.getEntries().some(isMajor)) decide();
  });
  observer.observe({ entryTypes: ["gc"] });
  decide();
}

export const growthPercentOf = (usedBytes: number): number =>
  usedBytes < SMALL_BYTES ? SMALL_GROWTH_PERCENT : V8_DECIDES;

/** Node's types leave out what an entry of this kind tells. */
function isMajor(entry: PerformanceEntry): boolean {
  const { detail } = entry as PerformanceEntry & Readonly<{ detail?: Readonly<{ kind?: number }> }>;
  return detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}
