import { create } from "@bufbuild/protobuf";
import type { TaskChange } from "../../core/task-change.ts";
import type { TaskTable } from "../../core/task-table.ts";
import { toTimestamp } from "../../core/time.ts";
import type { WorkerRecord } from "../../core/worker-settings.ts";
import { type TaskEvent, TaskEventSchema } from "../../gen/berth/v1/task_event_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import { unavailable } from "../../lib/errors.ts";
import { createGroupCommit } from "../../lib/group-commit.ts";
import type { Random } from "../../lib/random.ts";
import type { Store, Write } from "../../lib/store/store.ts";
import { createHistory } from "./ledger-history.ts";
import { type Loaded, loadLedger } from "./ledger-load.ts";
import {
  deleteKey,
  mark,
  metaKeys,
  prefixes,
  putEvent,
  putTask,
  putText,
  putWorker,
  type RequestRecord,
} from "./ledger-records.ts";
import { createRequestLog } from "./request-log.ts";
import { createWorkerRecords, type WorkerRecords } from "./worker-records.ts";

/** A change that is on disk. `task` is what the task was after it, or last when `removed`. */
export type LedgerChange = Readonly<{
  revision: bigint;
  task: Task;
  removed: boolean;
  event: TaskEvent;
}>;

export type LedgerListener = (changes: readonly LedgerChange[]) => void;

/**
 * The manager's truth: all tasks in memory, every change durable.
 *
 * A commit changes the head at once, in the caller's turn, so that of two
 * decisions the second sees the first. It becomes durable with everything else
 * committed in that turn, by one flush. Effects and answers wait: who acts on a
 * change subscribes and hears of it once it is durable; who answers a reader
 * waits for `settled` after reading.
 */
export interface Ledger {
  readonly clusterId: string;
  /** Grows with every start: fences what an earlier manager may still be saying. */
  readonly epoch: bigint;
  /** The head. Only the ledger writes it. */
  readonly tasks: Omit<TaskTable, "put" | "putEncoded" | "delete">;
  /** Number of the latest change of the head. */
  revision(): bigint;
  /** Resolves once the changes, and the record of the request that made them, are durable. */
  commit(changes: readonly TaskChange[], request?: RequestRecord): Promise<void>;
  /** What operators decided about workers. */
  readonly workers: WorkerRecords;
  /** As `commit`, of one worker's record. It has no revision: no watch of tasks tells of it. */
  commitWorker(workerId: string, record: WorkerRecord, request?: RequestRecord): Promise<void>;
  /** Resolves once all that the head holds now is durable. */
  settled(): Promise<void>;
  /** What an earlier request with this ID did. */
  request(requestId: string): RequestRecord | undefined;
  /** Calls `listener` before each flush, for changes that should go along with it. */
  beforeFlush(listener: () => void): void;
  /** Calls `listener` with durable changes, in order, until the returned function is called. */
  subscribe(listener: LedgerListener): () => void;
  /** Durable changes after a revision, or "compacted" when they are no longer kept. */
  since(revision: bigint): readonly LedgerChange[] | "compacted";
}

type Deps = Readonly<{
  store: Store;
  clock: Clock;
  random: Random;
  /** The store has failed: what is in memory may be ahead of it, so the process must stop. */
  onFailure: (error: unknown) => void;
}>;

/** On its way to disk: a change of the head, or writes beside it. */
type Staged =
  | Readonly<{ kind: "change"; change: LedgerChange }>
  | Readonly<{ kind: "writes"; writes: readonly Write[] }>;

/** Reads the ledger from the store and begins a new epoch. */
export async function openLedger(deps: Deps): Promise<Ledger> {
  const loaded = await loadLedger(deps.store, deps.random);
  const head = createHead(loaded, deps.clock);
  const requests = createRequestLog(loaded.requests, deps.clock);
  const durable = createDurable(loaded, deps);
  const workers = createWorkerRecords(loaded.workers);
  return {
    clusterId: loaded.clusterId,
    epoch: loaded.epoch,
    tasks: loaded.tasks,
    revision: head.revision,
    request: requests.find,
    commit(changes, request) {
      const staged: Staged[] = changes.map(head.stage);
      if (request) staged.push({ kind: "writes", writes: requests.remember(request) });
      return staged.length === 0 ? durable.settled() : durable.add(staged);
    },
    workers,
    commitWorker(workerId, record, request) {
      const writes = [putWorker(workerId, record), ...(request ? requests.remember(request) : [])];
      const durably = durable.add([{ kind: "writes", writes }]);
      workers.set(workerId, record);
      return durably;
    },
    settled: durable.settled,
    beforeFlush: durable.beforeFlush,
    subscribe: durable.subscribe,
    since: durable.since,
  };
}

/** The state that decisions see: ahead of the disk by at most the flush under way and the next. */
function createHead({ tasks, revision: loadedRevision }: Loaded, clock: Clock) {
  let revision = loadedRevision;

  function stage(decided: TaskChange): Staged {
    revision += 1n;
    const task: Task = { ...decided.task, revision };
    const removed = decided.kind === "removed";
    if (removed) tasks.delete(task.id);
    else tasks.put(task);
    const event = eventOf({ ...decided, task }, clock.now());
    return { kind: "change", change: { revision, task, removed, event } };
  }

  return { stage, revision: () => revision };
}

/**
 * What goes to disk. Of several changes of one task only the last is written, and encoded; the
 * events of all of them are.
 */
function writesOf(staged: readonly Staged[]): readonly Write[] {
  const changes = changesOf(staged);
  const latest = new Map(changes.map((change) => [change.task.id, change]));
  const events = changes.flatMap(({ event, removed }) => (removed ? [] : putEvent(event)));
  const others = staged.flatMap((item) => (item.kind === "writes" ? item.writes : []));
  const last = changes.at(-1);
  const revision = last ? [putText(metaKeys.revision, String(last.revision))] : [];
  const writes = [...[...latest.values()].flatMap(recordOf), ...events, ...others, ...revision];
  // Of several writes to one key the last one counts.
  return [...new Map(writes.map((write) => [write.key, write])).values()];
}

const recordOf = ({ task, removed }: LedgerChange): readonly Write[] =>
  removed ? [deleteKey(prefixes.task + task.id), mark(prefixes.sweep + task.id)] : [putTask(task)];

const changesOf = (staged: readonly Staged[]): readonly LedgerChange[] =>
  staged.flatMap((item) => (item.kind === "change" ? [item.change] : []));

const eventOf = ({ task, fromState, reason, workerId }: TaskChange, now: number): TaskEvent =>
  create(TaskEventSchema, {
    revision: task.revision,
    taskId: task.id,
    attempt: task.attempt?.number ?? 0,
    fromState,
    toState: task.state,
    desiredState: task.desiredState,
    time: toTimestamp(now),
    reason,
    workerId,
  });

/** Takes staged changes to disk and tells of them afterwards. */
function createDurable({ revision }: Loaded, { store, clock, onFailure }: Deps) {
  const history = createHistory(revision);
  const lastCalls: (() => void)[] = [];
  const listeners = new Set<LedgerListener>();

  async function flush(staged: readonly Staged[]): Promise<void> {
    try {
      const result = await store.commit({ writes: writesOf(staged) });
      assert(result.kind === "committed", "a batch without guards cannot be refused");
    } catch (cause) {
      onFailure(cause);
      throw unavailable("STORE_FAILED", "the manager's store has failed", { cause });
    }
    const changes = changesOf(staged);
    history.add(changes);
    for (const listener of listeners) listener(changes);
  }

  const group = createGroupCommit<Staged>({
    clock,
    lastCall: () => {
      for (const lastCall of lastCalls) lastCall();
    },
    flush,
  });

  return {
    add: group.add,
    settled: group.settled,
    since: history.since,
    beforeFlush: (listener: () => void) => void lastCalls.push(listener),
    subscribe(listener: LedgerListener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
