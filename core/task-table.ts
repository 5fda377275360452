import { fromBinary } from "@bufbuild/protobuf";
import { type Task, TaskSchema, TaskState } from "../gen/berth/v1/task_pb.ts";
import { createSketchReader, sketchOf, type TaskSketch } from "./task-sketch.ts";

/** All tasks with the indexes that decisions need. Every task is replaced, never changed. */
export interface TaskTable {
  readonly size: number;
  get(taskId: string): Task | undefined;
  /** In the order of creation, which is the order of IDs. */
  all(): IterableIterator<Task>;
  /** Waiting for a worker, in the order of creation. */
  pending(): IterableIterator<Task>;
  /** The same without reading any: there may be very many that wait. */
  pendingIds(): Iterable<string>;
  /** With an attempt on the worker that has not ended. A task that moves is on two workers. */
  placedOn(workerId: string): IterableIterator<Task>;
  placedCount(workerId: string): number;
  /** The workers that have any such attempt. */
  workerIds(): IterableIterator<string>;
  /** All tasks, without reading any: as `all`, for those to whom a sketch says enough. */
  sketches(): IterableIterator<TaskSketch>;
  /** How many tasks are in which state. */
  countByState(): ReadonlyMap<TaskState, number>;
  put(task: Task): void;
  /** Adds an encoded task. It is decoded when somebody asks for it. */
  putEncoded(taskId: string, bytes: Uint8Array): void;
  delete(taskId: string): void;
}

/** `task` is encoded until somebody asks for it. */
type Entry = { readonly sketch: TaskSketch; task: Task | Uint8Array };

/** `read` decodes a task that was added encoded. */
export function createTaskTable(read = readTask): TaskTable {
  const entries = new Map<string, Entry>();
  const indexes = createIndexes();
  const readSketch = createSketchReader();

  const taskOf = (entry: Entry): Task => {
    if (entry.task instanceof Uint8Array) entry.task = read(entry.task);
    return entry.task;
  };

  function* tasksOf(ids: Iterable<string>): Generator<Task, undefined> {
    for (const id of ids) {
      const entry = entries.get(id);
      if (entry) yield taskOf(entry);
    }
    return undefined;
  }

  function set(entry: Entry): void {
    const { sketch } = entry;
    const before = entries.get(sketch.id);
    if (before) indexes.remove(before.sketch);
    entries.set(sketch.id, entry);
    indexes.add(sketch);
  }

  return {
    get size() {
      return entries.size;
    },
    get(taskId) {
      const entry = entries.get(taskId);
      return entry && taskOf(entry);
    },
    all: () => tasksOf(entries.keys()),
    pending: () => tasksOf(indexes.pending),
    pendingIds: () => indexes.pending,
    placedOn: (workerId) => tasksOf(indexes.placedOn(workerId)),
    workerIds: indexes.workerIds,
    placedCount: (workerId) => indexes.placedOn(workerId).size,
    *sketches() {
      for (const { sketch } of entries.values()) yield sketch;
      return undefined;
    },
    countByState: () => indexes.counts,
    put: (task) => set({ sketch: sketchOf(task), task }),
    putEncoded: (taskId, bytes) => set({ sketch: readSketch(taskId, bytes), task: bytes }),
    delete(taskId) {
      const before = entries.get(taskId);
      if (!before) return;
      indexes.remove(before.sketch);
      indexes.pending.delete(taskId);
      entries.delete(taskId);
    },
  };
}

const readTask = (bytes: Uint8Array): Task => fromBinary(TaskSchema, bytes);

const NONE: ReadonlySet<string> = new Set();

/** IDs of tasks by what decisions look them up for. */
function createIndexes() {
  const pending = new Set<string>();
  const byWorker = new Map<string, Set<string>>();
  const counts = new Map<TaskState, number>();

  function count(state: TaskState, change: 1 | -1): void {
    const sum = (counts.get(state) ?? 0) + change;
    if (sum === 0) counts.delete(state);
    else counts.set(state, sum);
  }

  return {
    pending,
    counts,
    workerIds: () => byWorker.keys(),
    placedOn: (workerId: string): ReadonlySet<string> => byWorker.get(workerId) ?? NONE,
    add({ id, state, workerIds }: TaskSketch): void {
      count(state, 1);
      // A task that stays pending keeps its place among the others.
      if (state === TaskState.PENDING) pending.add(id);
      else pending.delete(id);
      for (const workerId of workerIds) {
        const placed = byWorker.get(workerId) ?? new Set<string>();
        byWorker.set(workerId, placed.add(id));
      }
    },
    remove({ id, state, workerIds }: TaskSketch): void {
      count(state, -1);
      for (const workerId of workerIds) {
        const placed = byWorker.get(workerId);
        placed?.delete(id);
        if (placed?.size === 0) byWorker.delete(workerId);
      }
    },
  };
}
