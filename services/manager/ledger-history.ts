import type { LedgerChange } from "./ledger-change.ts";

export type History = ReturnType<typeof createHistory>;

/** How many changes are kept for watches that resume. */
const HISTORY_MAX = 10_000;

/** The latest durable changes, in memory. What is older, or from before the start, is compacted. */
export function createHistory(startRevision: bigint) {
  let kept: LedgerChange[] = [];
  let compactedTo = startRevision;

  return {
    add(changes: readonly LedgerChange[]): void {
      kept.push(...changes);
      // Trimmed rarely and by half, so that adding stays cheap.
      if (kept.length <= HISTORY_MAX * 2) return;
      const trimmed = kept.slice(0, -HISTORY_MAX);
      compactedTo = trimmed.at(-1)?.revision ?? compactedTo;
      kept = kept.slice(-HISTORY_MAX);
    },
    since(revision: bigint): readonly LedgerChange[] | "compacted" {
      if (revision < compactedTo) return "compacted";
      return kept.slice(firstAfter(kept, revision));
    },
  };
}

/** The index of the first change after a revision, by halving: changes are in the order of revisions. */
function firstAfter(changes: readonly LedgerChange[], revision: bigint): number {
  let [low, high] = [0, changes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((changes[middle]?.revision ?? 0n) > revision) high = middle;
    else low = middle + 1;
  }
  return low;
}
