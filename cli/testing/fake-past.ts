import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { taskDifference } from "../../core/differences.ts";
import { toMillis } from "../../core/time.ts";
import {
  type ListDifferencesRequest,
  ListDifferencesResponseSchema,
} from "../../gen/berth/v1/past_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { notFound, pastNotKept } from "../../lib/errors.ts";
import type { FakeLedger } from "./fake-ledger.ts";

/** The past of a fake manager: nothing before 2026 is kept. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/** The tasks as they were at a time, which a fake manager knows of every change. */
function pastTasks({ changes }: FakeLedger, time: Timestamp): readonly Task[] {
  const ms = toMillis(time);
  if (ms < EARLIEST_MS) {
    const earliest = new Date(EARLIEST_MS).toISOString();
    const message = `${new Date(ms).toISOString()} lies before what is kept: ask for ${earliest} or later`;
    throw pastNotKept(message, earliest);
  }
  const tasks = new Map<string, Task>();
  for (const { task, removed, event } of changes) {
    if (event.time && toMillis(event.time) > ms) continue;
    if (removed) tasks.delete(task.id);
    else tasks.set(task.id, task);
  }
  return [...tasks.values()];
}

export const tasksOf = (ledger: FakeLedger, time: Timestamp | undefined): readonly Task[] =>
  time ? pastTasks(ledger, time) : [...ledger.tasks.values()];

export function findTask(ledger: FakeLedger, taskId: string, time: Timestamp | undefined): Task {
  if (!time) return ledger.find(taskId);
  const task = pastTasks(ledger, time).find(({ id }) => id === taskId);
  if (!task) throw notFound("task", taskId);
  return task;
}

export function fakeDifferences(
  ledger: FakeLedger,
  { fromTime, toTime }: ListDifferencesRequest,
  now: Timestamp,
) {
  const from = fromTime ? pastTasks(ledger, fromTime) : [];
  const to = pastTasks(ledger, toTime ?? now);
  const ids = new Set([...from, ...to].map(({ id }) => id));
  const find = (tasks: readonly Task[], taskId: string) => tasks.find(({ id }) => id === taskId);
  const tasks = [...ids].flatMap(
    (taskId) => taskDifference({ from: find(from, taskId), to: find(to, taskId) }) ?? [],
  );
  return create(ListDifferencesResponseSchema, { tasks });
}
