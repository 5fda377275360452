import { DEFAULT_RECORD, type WorkerRecord } from "../../core/worker-settings.ts";

export type WorkerRecordListener = (workerId: string, record: WorkerRecord) => void;

/** What operators decided about workers, as the ledger's head has it. */
export interface WorkerRecords {
  /** The default where nothing was decided. */
  of(workerId: string): WorkerRecord;
  has(workerId: string): boolean;
  /** Whether one of those about whom something was decided is so. */
  some(isSo: (record: WorkerRecord) => boolean): boolean;
  /** All about whom something was decided, in the order of IDs. */
  all(): readonly (readonly [string, WorkerRecord])[];
  /** Calls `listener` as soon as the head changes: what it commits is durable no sooner. */
  subscribe(listener: WorkerRecordListener): void;
}

export function createWorkerRecords(records: Map<string, WorkerRecord>) {
  const listeners: WorkerRecordListener[] = [];
  return {
    of: (workerId: string) => records.get(workerId) ?? DEFAULT_RECORD,
    has: (workerId: string) => records.has(workerId),
    some(isSo: (record: WorkerRecord) => boolean): boolean {
      for (const record of records.values()) if (isSo(record)) return true;
      return false;
    },
    all: () => [...records].sort(([a], [b]) => (a < b ? -1 : 1)),
    subscribe: (listener: WorkerRecordListener) => void listeners.push(listener),
    /** Only the ledger writes. */
    set(workerId: string, record: WorkerRecord): void {
      records.set(workerId, record);
      for (const listener of listeners) listener(workerId, record);
    },
  };
}
