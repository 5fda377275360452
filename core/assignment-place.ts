/**
 * Where in a shared store a worker finds what it is to do: `<worker ID>/<task ID>/<attempt>` → Assignment.
 * What a worker may read of a store is this under its own ID, and `metaKeys`.
 */
export const ASSIGNMENTS = "assigned/";

/** All that concerns one worker. */
export const assignmentsPrefix = (workerId: string): string => `${ASSIGNMENTS}${workerId}/`;

/** What a store says of the ledger in it. */
export const metaKeys = {
  clusterId: "meta/cluster-id",
  epoch: "meta/epoch",
  revision: "meta/revision",
  /**
   * The latest epoch whose leader kept the assignments in step with the tasks. They are worth
   * something only while that is the ledger's epoch.
   */
  assignments: "meta/assignments",
  /** From when on it is known how the cluster was, and the latest epoch whose leader kept it known. */
  history: "meta/history",
} as const;

/**
 * By how much, at least, the epoch and the revision of a restored ledger are beyond the backup's: more
 * than there are managers and changes in a while.
 */
export const RESTORED_STEPS = 1n << 20n;
