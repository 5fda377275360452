import { metaKeys } from "../../core/assignment-place.ts";
import type { TaskChange } from "../../core/task-change.ts";
import { toTimestamp } from "../../core/time.ts";
import type { TaskVersion } from "../../gen/berth/v1/past_pb.ts";
import type { TaskEvent } from "../../gen/berth/v1/task_event_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { chunks } from "../../lib/chunks.ts";
import type { BatchLimits, Write } from "../../lib/store/store.ts";
import {
  deleteKey,
  prefixes,
  putEvents,
  putRemoved,
  putTasks,
  putText,
  putVersions,
  type VersionEntry,
} from "./ledger-records.ts";

/** A change that is on disk. `task` is what the task was after it, or last when `removed`. */
export type LedgerChange = Readonly<{
  revision: bigint;
  task: Task;
  removed: boolean;
  event: TaskEvent;
}>;

/** On its way to disk: a change of the head, or writes beside it. `undo` takes it out of the head. */
export type Staged = Readonly<{ undo: () => void }> &
  (
    | Readonly<{
        kind: "change";
        change: LedgerChange;
        /** How it left the task. Undefined after a removal. */
        version: TaskVersion | undefined;
        /** What follows from it beside: for what workers read, for what is told of the past. */
        others: readonly Write[];
      }>
    | Readonly<{ kind: "writes"; writes: readonly Write[] }>
  );

export const eventOf = (
  { kind, task, fromState, reason, workerId }: TaskChange,
  now: number,
): TaskEvent => ({
  $typeName: "berth.v1.TaskEvent",
  revision: task.revision,
  taskId: task.id,
  attempt: task.attempt?.number ?? 0,
  fromState,
  toState: task.state,
  desiredState: task.desiredState,
  time: toTimestamp(now),
  reason,
  workerId,
  removed: kind === "removed",
});

export const changesOf = (staged: readonly Staged[]): readonly LedgerChange[] =>
  staged.flatMap((item) => (item.kind === "change" ? [item.change] : []));

/**
 * What goes to disk. Of several changes of one task only the last is written, and encoded; the
 * events of all of them are.
 */
function writesOf(staged: readonly Staged[]): readonly Write[] {
  const changes = changesOf(staged);
  const latest = [...new Map(changes.map((change) => [change.task.id, change])).values()];
  const others = staged.flatMap((item) => (item.kind === "writes" ? item.writes : item.others));
  const last = changes.at(-1);
  const writes = [
    ...putTasks(latest.filter(({ removed }) => !removed).map(({ task }) => task)),
    ...latest.filter(({ removed }) => removed).flatMap(removalOf),
    ...others,
    ...putEvents(changes.map(({ event }) => event)),
    ...putVersions(staged.flatMap(versionIn)),
    ...(last ? [putText(metaKeys.revision, String(last.revision))] : []),
  ];
  // Of several writes to one key the last one counts. What is of changes has a key of its own.
  return others.length === 0
    ? writes
    : [...new Map(writes.map((write) => [write.key, write])).values()];
}

const removalOf = ({ task, event }: LedgerChange): readonly Write[] => [
  deleteKey(prefixes.task + task.id),
  putRemoved(task, event),
];

const versionIn = (item: Staged): readonly VersionEntry[] =>
  item.kind === "change"
    ? [{ taskId: item.change.task.id, revision: item.change.revision, version: item.version }]
    : [];

/** One commit: what belongs together. */
export type Unit = readonly Staged[];

/** What is flushed at once. */
export type Flush = Readonly<{ staged: readonly Staged[]; writes: readonly Write[] }>;

/**
 * Commits as flushes of the size that a store takes, in their order. A commit is only divided when it is
 * too large alone: before its last item, for there the record is of the request that made it.
 */
export function* flushesOf(
  units: readonly Unit[],
  limits: BatchLimits,
): Generator<Flush, void, undefined> {
  const bytesMax = Math.min(limits.operations - OWN_WRITES, OPERATIONS_WANTED);
  const sizes = { entriesMax: Number.POSITIVE_INFINITY, bytesMax };
  for (const part of chunks(units, { ...sizes, sizeOf: operationsOf }))
    if (limits.operations === Number.POSITIVE_INFINITY) yield whole(part);
    else yield* fitting(part, limits);
}

/** Where a store takes any number, others should have their turn all the same. */
const OPERATIONS_WANTED = 4_096;

/** The revision. */
const OWN_WRITES = 1;

/** The writes of a change: its event and its version, and the task or, of its end, two. */
const writesPer = ({ removed }: LedgerChange): number => (removed ? 4 : 3);

const operationsOf = (unit: Unit): number =>
  unit.reduce(
    (sum, item) =>
      sum +
      (item.kind === "writes" ? item.writes.length : writesPer(item.change) + item.others.length),
    0,
  );

const whole = (units: readonly Unit[]): Flush => {
  const staged = units.flat();
  return { staged, writes: writesOf(staged) };
};

/** Halved until each part fits. What cannot be halved is left to the store, which refuses it. */
function* fitting(units: readonly Unit[], limits: BatchLimits): Generator<Flush, void, undefined> {
  const flush = whole(units);
  const parts = units.length > 1 ? units : (units[0] ?? []).map((item) => [item]);
  if (parts.length < 2 || fits(flush.writes, limits)) return yield flush;
  const middle = Math.floor(parts.length / 2);
  yield* fitting(parts.slice(0, middle), limits);
  yield* fitting(parts.slice(middle), limits);
}

const fits = (writes: readonly Write[], limits: BatchLimits): boolean =>
  writes.length <= limits.operations && bytesOf(writes) <= limits.bytes;

const bytesOf = (writes: readonly Write[]): number =>
  writes.reduce(
    (sum, write) =>
      sum + Buffer.byteLength(write.key) + (write.kind === "put" ? write.value.length : 0),
    0,
  );
