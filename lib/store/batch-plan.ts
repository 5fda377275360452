import { AssertionError } from "../assert.ts";
import type { Batch, BatchLimits, CommitResult, StoreChange, Write } from "./store.ts";
import { assertKey } from "./store-key.ts";

/** Of engines that take what memory takes. */
export const noLimits: BatchLimits = {
  operations: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
};

/** What a batch comes to, given what is stored. */
export type BatchPlan = Readonly<{ result: CommitResult; changes: readonly StoreChange[] }>;

/** Stops the caller's bug before anything is written. Throws an AssertionError that names the key. */
export function assertWellFormed({ guards = [], writes }: Batch): void {
  const written = new Set<string>();
  for (const { key } of writes) {
    assertKey(key);
    if (written.has(key))
      throw new AssertionError(`a batch writes key ${JSON.stringify(key)} twice`);
    written.add(key);
  }
  for (const { key } of guards) assertKey(key);
}

/**
 * Decides on a batch against a store at revision `head` whose keys have the
 * revisions `revisionOf` (0n: absent). Deleting an absent key changes nothing;
 * a batch that changes nothing takes no revision.
 */
export function planBatch(
  { guards = [], writes }: Batch,
  head: bigint,
  revisionOf: (key: string) => bigint,
): BatchPlan {
  for (const guard of guards) {
    const actualRevision = revisionOf(guard.key);
    if (actualRevision !== guard.revision)
      return { result: { kind: "refused", guard, actualRevision }, changes: [] };
  }
  const changes: StoreChange[] = [];
  for (const write of writes)
    if (write.kind === "put" || revisionOf(write.key) !== 0n)
      changes.push(changeOf(write, head + 1n));
  const revision = changes.length === 0 ? head : head + 1n;
  return { result: { kind: "committed", revision }, changes };
}

/**
 * Decides on batches that are written together, in order: each sees what those before it
 * changed. `storedRevisionOf` tells what a key had before the first.
 */
export function planGroup(
  batches: readonly Batch[],
  head: bigint,
  storedRevisionOf: (key: string) => bigint,
): readonly BatchPlan[] {
  const [only] = batches;
  if (only && batches.length === 1) return [planBatch(only, head, storedRevisionOf)];
  const revisions = new Map<string, bigint>();
  let revision = head;
  return batches.map((batch) => {
    const revisionOf = (key: string) => revisions.get(key) ?? storedRevisionOf(key);
    const plan = planBatch(batch, revision, revisionOf);
    for (const change of plan.changes)
      revisions.set(change.key, change.kind === "put" ? change.revision : 0n);
    if (plan.changes.length > 0) revision += 1n;
    return plan;
  });
}

/** What a write does that is done in the batch of `revision`. */
export const changeOf = (write: Write, revision: bigint): StoreChange =>
  write.kind === "put"
    ? { kind: "put", key: write.key, value: write.value, revision }
    : { kind: "delete", key: write.key, revision };
