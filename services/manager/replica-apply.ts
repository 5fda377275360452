import { create } from "@bufbuild/protobuf";
import { metaKeys } from "../../core/assignment-place.ts";
import type { WorkerRecord } from "../../core/worker-settings.ts";
import { type TaskEvent, TaskEventSchema } from "../../gen/berth/v1/task_event_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import type { StoreChange } from "../../lib/store/store.ts";
import type { LedgerChange } from "./ledger-change.ts";
import { readHorizon } from "./ledger-horizon.ts";
import { prefixes, readEvent, readRequest, readText, readWorker } from "./ledger-records.ts";
import type { LedgerState } from "./ledger-state.ts";

type Put = Extract<StoreChange, { kind: "put" }>;

/** What came of one batch. */
export type Applied = Readonly<{
  changes: readonly LedgerChange[];
  workers: readonly (readonly [string, WorkerRecord])[];
}>;

type Found = {
  events: TaskEvent[];
  removed: Task[];
  /** By task ID, its removal. */
  removals: Map<string, TaskEvent>;
  /** By task ID, the revision of its removal, as an earlier version of Berth tells it. */
  sweeps: Map<string, bigint>;
  workers: (readonly [string, WorkerRecord])[];
};

/** Brings what one batch of the store changed into the state. Applied twice, it does nothing more. */
export function applyBatch(state: LedgerState, batch: readonly StoreChange[]): Applied {
  const before = state.revision;
  const found: Found = {
    events: [],
    removed: [],
    removals: new Map(),
    sweeps: new Map(),
    workers: [],
  };
  for (const change of batch) {
    if (change.kind === "put") applyPut(state, change, found);
    else applyDelete(state, change.key, found);
    state.storeRevision = change.revision;
  }
  const changes = changesOf(found, state, before);
  state.history.add(changes);
  return { changes, workers: found.workers };
}

function applyPut(state: LedgerState, put: Put, found: Found): void {
  const { workers, sweeps } = found;
  const { key, value } = put;
  const text = () => readText(put) ?? "";
  if (key.startsWith(prefixes.task)) state.tasks.putEncoded(key.slice(prefixes.task.length), value);
  else if (key.startsWith(prefixes.event)) noteEvent(readEvent(put), found);
  else if (key.startsWith(prefixes.worker)) workers.push(readWorker(put));
  else if (key.startsWith(prefixes.request)) remember(state, readRequest(put));
  else if (key.startsWith(prefixes.sweep))
    sweeps.set(key.slice(prefixes.sweep.length), BigInt(text()));
  else if (key === metaKeys.history) state.horizon = readHorizon(put) ?? state.horizon;
  else if (key === metaKeys.revision) state.revision = BigInt(text());
  else if (key === metaKeys.epoch) state.epoch = BigInt(text());
  else if (key === metaKeys.clusterId) state.clusterId = text();
}

function noteEvent(event: TaskEvent, { events, removals }: Found): void {
  if (event.removed) removals.set(event.taskId, event);
  else events.push(event);
}

/** The oldest first: a record that comes again is a younger one. */
function remember({ requests }: LedgerState, record: ReturnType<typeof readRequest>): void {
  requests.delete(record.requestId);
  requests.set(record.requestId, record);
}

function applyDelete(state: LedgerState, key: string, { removed }: Found): void {
  if (key.startsWith(prefixes.request)) state.requests.delete(key.slice(prefixes.request.length));
  if (!key.startsWith(prefixes.task)) return;
  const task = state.tasks.get(key.slice(prefixes.task.length));
  if (task) removed.push(task);
  if (task) state.tasks.delete(task.id);
}

/**
 * The changes in the order of their revisions. Of several changes of a task the store has only the
 * last one's task: it stands for all.
 */
function changesOf(found: Found, state: LedgerState, before: bigint): LedgerChange[] {
  const { events, removed, removals, sweeps } = found;
  const gone = new Map(removed.map((task) => [task.id, task]));
  const seen = events
    .filter(({ revision }) => revision > before)
    .flatMap((event) => {
      const task = state.tasks.get(event.taskId) ?? gone.get(event.taskId);
      return task ? [{ revision: event.revision, task, removed: false, event }] : [];
    });
  const last = removed.map((task) =>
    lastOf(task, removals.get(task.id) ?? removalOf(task, sweeps.get(task.id) || state.revision)),
  );
  return [...seen, ...last].sort((a, b) => (a.revision < b.revision ? -1 : 1));
}

const lastOf = (task: Task, event: TaskEvent): LedgerChange => {
  const { revision } = event;
  return { revision, task: { ...task, revision }, removed: true, event };
};

/** What an earlier version of Berth says of a removal: hardly more than its revision. */
function removalOf(task: Task, revision: bigint): TaskEvent {
  const { id: taskId, state, desiredState, updateTime } = task;
  return create(TaskEventSchema, {
    ...{ taskId, revision, desiredState, reason: "removed", removed: true },
    ...{ fromState: state, toState: state, attempt: task.attempt?.number ?? 0 },
    ...(updateTime && { time: updateTime }),
  });
}
