import { type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { attemptsOf, isLive } from "./live-attempts.ts";

/** All tasks with the indexes that decisions need. Every task is replaced, never changed. */
export interface TaskTable {
  readonly size: number;
  get(taskId: string): Task | undefined;
  /** In the order of creation, which is the order of IDs. */
  all(): IterableIterator<Task>;
  /** Waiting for a worker, in the order of creation. */
  pending(): IterableIterator<Task>;
  /** With an attempt on the worker that has not ended. A task that moves is on two workers. */
  placedOn(workerId: string): IterableIterator<Task>;
  placedCount(workerId: string): number;
  put(task: Task): void;
  delete(taskId: string): void;
}

export function createTaskTable(): TaskTable {
  const tasks = new Map<string, Task>();
  const pending = new Map<string, Task>();
  const byWorker = new Map<string, Map<string, Task>>();

  function unindex(task: Task): void {
    for (const workerId of workersOf(task)) {
      const placed = byWorker.get(workerId);
      placed?.delete(task.id);
      if (placed?.size === 0) byWorker.delete(workerId);
    }
  }

  function index(task: Task): void {
    if (task.state === TaskState.PENDING) pending.set(task.id, task);
    else pending.delete(task.id);
    for (const workerId of workersOf(task)) {
      const placed = byWorker.get(workerId) ?? new Map<string, Task>();
      byWorker.set(workerId, placed.set(task.id, task));
    }
  }

  return {
    get size() {
      return tasks.size;
    },
    get: (taskId) => tasks.get(taskId),
    all: () => tasks.values(),
    pending: () => pending.values(),
    placedOn: (workerId) => (byWorker.get(workerId) ?? new Map<string, Task>()).values(),
    placedCount: (workerId) => byWorker.get(workerId)?.size ?? 0,
    put(task) {
      const before = tasks.get(task.id);
      if (before) unindex(before);
      tasks.set(task.id, task);
      index(task);
    },
    delete(taskId) {
      const before = tasks.get(taskId);
      if (!before) return;
      unindex(before);
      pending.delete(taskId);
      tasks.delete(taskId);
    },
  };
}

const workersOf = (task: Task): readonly string[] =>
  attemptsOf(task)
    .filter(isLive)
    .map(({ workerId }) => workerId);
