import { Code, ConnectError } from "@connectrpc/connect";

/**
 * What a client was promised, and when it does not know. The ledger must hold all of it,
 * whatever broke in between.
 */
export interface History {
  /** Tasks whose submission was acknowledged and that the user has not removed. */
  acknowledged(): readonly string[];
  /** Tasks whose stop was acknowledged. */
  stopped(): readonly string[];
  noteSubmit(taskId: string): void;
  noteStop(taskId: string): void;
  noteRemoval(taskId: string): void;
}

export function createHistory(): History {
  const submitted = new Set<string>();
  const stopped = new Set<string>();
  return {
    acknowledged: () => [...submitted],
    stopped: () => [...stopped].filter((taskId) => submitted.has(taskId)),
    noteSubmit: (taskId) => void submitted.add(taskId),
    noteStop: (taskId) => void stopped.add(taskId),
    noteRemoval: (taskId) => void submitted.delete(taskId),
  };
}

/** Whether a call may have taken effect or not: the same request may be made again. */
export function isUnknown(error: unknown): boolean {
  const { code } = ConnectError.from(error);
  return [Code.Unavailable, Code.DeadlineExceeded, Code.Canceled, Code.Internal].includes(code);
}
