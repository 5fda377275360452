import { createTaskTable, type TaskTable } from "../../core/task-table.ts";
import type { WorkerRecord } from "../../core/worker-settings.ts";
import { TaskSchema } from "../../gen/berth/v1/task_pb.ts";
import { decodeMessage } from "../../lib/message/codec.ts";
import { createHistory, type History } from "./ledger-history.ts";
import { type Horizon, NO_HORIZON } from "./ledger-horizon.ts";
import type { RequestRecord } from "./ledger-records.ts";

/**
 * The cluster in memory, as the store has it. One owner at a time changes it: the ledger of the
 * manager that leads, or the copy of one that waits.
 */
export type LedgerState = {
  clusterId: string;
  epoch: bigint;
  /** Of the latest change. */
  revision: bigint;
  /** The store's own, of the latest batch that is in here. */
  storeRevision: bigint;
  /**
   * When it was all that the store had, last, by the clock that never jumps. Undefined while it was
   * only read: what others wrote meanwhile may be in it in part.
   */
  asOfMs: number | undefined;
  readonly tasks: TaskTable;
  /** By request ID, the oldest first. */
  readonly requests: Map<string, RequestRecord>;
  /** By worker ID. */
  readonly workers: Map<string, WorkerRecord>;
  history: History;
  horizon: Horizon;
};

/** That of a store in which nothing is. */
export const emptyState = (): LedgerState => ({
  clusterId: "",
  epoch: 0n,
  revision: 0n,
  storeRevision: 0n,
  asOfMs: undefined,
  tasks: createTaskTable((bytes) => decodeMessage(TaskSchema, bytes)),
  requests: new Map(),
  workers: new Map(),
  history: createHistory(0n),
  horizon: NO_HORIZON,
});
