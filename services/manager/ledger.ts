import type { TaskChange } from "../../core/task-change.ts";
import type { TaskTable } from "../../core/task-table.ts";
import { versionOf } from "../../core/task-version.ts";
import type { WorkerRecord } from "../../core/worker-settings.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import type { Store, Write } from "../../lib/store/store.ts";
import { assignmentWrites } from "./assignment-writes.ts";
import { eventOf, type LedgerChange, type Staged } from "./ledger-change.ts";
import { createDurable } from "./ledger-durable.ts";
import { type Horizon, putHorizon } from "./ledger-horizon.ts";
import { beginEpoch, loadState } from "./ledger-load.ts";
import { putVersions, putWorker, type RequestRecord } from "./ledger-records.ts";
import type { LedgerState } from "./ledger-state.ts";
import { createRequestLog } from "./request-log.ts";
import { createWorkerRecords, type WorkerRecords } from "./worker-records.ts";

export type LedgerListener = (changes: readonly LedgerChange[]) => void;

/** What readers need of the ledger. A manager that does not lead has a copy of that. */
export interface LedgerView {
  readonly clusterId: string;
  /** Grows with every leadership: fences what an earlier manager may still be saying. */
  readonly epoch: bigint;
  /** The head. Only the ledger writes it. */
  readonly tasks: Omit<TaskTable, "put" | "putEncoded" | "delete">;
  /** Number of the latest change of the head. */
  revision(): bigint;
  /** From when on it can be told how the cluster was. */
  horizon(): Horizon;
  /** What operators decided about workers. */
  readonly workers: WorkerRecords;
  /** Resolves once all that the head holds now is durable. */
  settled(): Promise<void>;
  /** Calls `listener` with durable changes, in order, until the returned function is called. */
  subscribe(listener: LedgerListener): () => void;
  /** Durable changes after a revision, or "compacted" when they are no longer kept. */
  since(revision: bigint): readonly LedgerChange[] | "compacted";
}

/**
 * The manager's truth: all tasks in memory, every change durable.
 *
 * A commit changes the head at once, in the caller's turn, so that of two
 * decisions the second sees the first. It becomes durable with everything else
 * committed in that turn, by one flush. Effects and answers wait: who acts on a
 * change subscribes and hears of it once it is durable; who answers a reader
 * waits for `settled` after reading.
 */
export interface Ledger extends LedgerView {
  /** Resolves once the changes, and the record of the request that made them, are durable. */
  commit(changes: readonly TaskChange[], request?: RequestRecord): Promise<void>;
  /** As `commit`, of one worker's record. It has no revision: no watch of tasks tells of it. */
  commitWorker(workerId: string, record: WorkerRecord, request?: RequestRecord): Promise<void>;
  /** As `commit`, of what is neither a task's nor a worker's record: of many, not all at once. */
  commitBeside(writes: readonly Write[]): Promise<void>;
  /** As `commit`, of the end of the history before a moment. Does nothing for an earlier one. */
  forgetBefore(moment: Pick<Horizon, "revision" | "ms">): Promise<void>;
  /** What an earlier request with this ID did. */
  request(requestId: string): RequestRecord | undefined;
  /** Calls `listener` before each flush, for changes that should go along with it. */
  beforeFlush(listener: () => void): void;
  /**
   * Ends it: whoever waits is refused as UNAVAILABLE, and the state is again what is durable, for
   * all that is known. A flush whose fate is unknown is not in it.
   */
  retire(): void;
}

type Deps = Readonly<{
  store: Store;
  clock: Clock;
  /** Whether workers can read the store: what they are to do is then kept there too. */
  keepsAssignments?: boolean;
  /** The store has failed: what is in memory may be ahead of it, so nothing may go on. */
  onFailure: (error: unknown) => void;
}>;

/** Begins a new epoch and reads the ledger from the store. */
export async function openLedger(deps: Deps & Readonly<{ random: Random }>): Promise<Ledger> {
  const begun = await beginEpoch(deps.store, deps.random, {
    keepsAssignments: false,
    nowMs: deps.clock.now(),
  });
  return createLedger({ ...(await loadState(deps.store)), ...begun }, deps);
}

/** The ledger over what the store holds. From now on nobody else changes the state. */
export function createLedger(state: LedgerState, deps: Deps): Ledger {
  const head = createHead(state, deps);
  const beside = createBeside(state, deps);
  const { requests, workers } = beside;
  const durable = createDurable(state, deps);

  return {
    clusterId: state.clusterId,
    epoch: state.epoch,
    tasks: state.tasks,
    revision: () => state.revision,
    horizon: () => state.horizon,
    request: requests.find,
    commit(changes, request) {
      // What is staged now would stay in the state, and never be stored.
      if (durable.isRetired()) return durable.settled();
      const staged: Staged[] = changes.map(head.stage);
      if (request) staged.push(beside.request(request));
      return staged.length === 0 ? durable.settled() : durable.add(staged);
    },
    workers,
    commitWorker: (workerId, record, request) =>
      durable.isRetired()
        ? durable.settled()
        : durable.add([
            beside.worker(workerId, record),
            ...(request ? [beside.request(request)] : []),
          ]),
    commitBeside: (writes) =>
      durable.isRetired()
        ? durable.settled()
        : durable.add(
            writes.map((write) => ({ kind: "writes", writes: [write], undo: () => undefined })),
          ),
    forgetBefore: (moment) =>
      durable.isRetired() || moment.revision <= state.horizon.revision
        ? durable.settled()
        : durable.add([beside.horizon(moment)]),
    settled: durable.settled,
    beforeFlush: durable.beforeFlush,
    subscribe: durable.subscribe,
    since: (revision) => state.history.since(revision),
    retire() {
      durable.retire();
      head.mend();
    },
  };
}

/** What is kept beside tasks: staged, and in the head at once. */
function createBeside(state: LedgerState, { clock }: Deps) {
  const requests = createRequestLog(state.requests, clock);
  const workers = createWorkerRecords(state.workers);
  return {
    requests,
    workers,
    request(request: RequestRecord): Staged {
      const writes = requests.remember(request);
      return { kind: "writes", writes, undo: () => void state.requests.delete(request.requestId) };
    },

    horizon(moment: Pick<Horizon, "revision" | "ms">): Staged {
      const before = state.horizon;
      state.horizon = { ...before, ...moment };
      const undo = () => {
        state.horizon = before;
      };
      return { kind: "writes", writes: [putHorizon(state.horizon, state.epoch)], undo };
    },

    worker(workerId: string, record: WorkerRecord): Staged {
      const before = state.workers.get(workerId);
      workers.set(workerId, record);
      const undo = () =>
        before ? void state.workers.set(workerId, before) : void state.workers.delete(workerId);
      return { kind: "writes", writes: [putWorker(workerId, record)], undo };
    },
  };
}

/** The state that decisions see: ahead of the disk by at most the flush under way and the next. */
function createHead(state: LedgerState, { clock, keepsAssignments = false }: Deps) {
  let isOutOfOrder = false;

  function stage(decided: TaskChange): Staged {
    const { tasks } = state;
    const before = tasks.get(decided.task.id);
    state.revision += 1n;
    const task: Task = { ...decided.task, revision: state.revision };
    const removed = decided.kind === "removed";
    if (removed) tasks.delete(task.id);
    else tasks.put(task);
    const event = eventOf({ ...decided, task }, clock.now());
    const change = { revision: task.revision, task, removed, event };
    const others = [
      ...baseOf(before),
      ...(keepsAssignments ? assignmentWrites(before, removed ? undefined : task) : []),
    ];
    const version = removed ? undefined : versionOf(task, before);
    return { kind: "change", change, version, others, undo: () => takeBack(change, before) };
  }

  /** How a task was that has not changed since versions are kept. */
  function baseOf(before: Task | undefined): readonly Write[] {
    return before && before.revision <= state.horizon.beganRevision
      ? putVersions([
          {
            taskId: before.id,
            revision: before.revision,
            version: versionOf(before, undefined),
          },
        ])
      : [];
  }

  function takeBack({ task, removed, revision }: LedgerChange, before: Task | undefined): void {
    state.revision = revision - 1n;
    if (before) state.tasks.put(before);
    else state.tasks.delete(task.id);
    isOutOfOrder ||= removed;
  }

  return {
    stage,
    /** Tasks come in the order of their IDs again, also where a removal was taken back. */
    mend(): void {
      if (!isOutOfOrder) return;
      const byId = [...state.tasks.all()].sort((a, b) => (a.id < b.id ? -1 : 1));
      for (const { id } of byId) state.tasks.delete(id);
      for (const task of byId) state.tasks.put(task);
      isOutOfOrder = false;
    },
  };
}
