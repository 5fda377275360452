/** A task that holds a drain or a rebalance up, and what it waits for. */
export type Block = Readonly<{ taskId: string; reason: string }>;
