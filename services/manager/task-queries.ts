import { validateId } from "../../core/validate.ts";
import type {
  ListTaskEventsRequest,
  ListTasksRequest,
  TaskFilter,
} from "../../gen/berth/v1/manager_service_pb.ts";
import type { TaskEvent } from "../../gen/berth/v1/task_event_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { invalidFields, notFound } from "../../lib/errors.ts";
import type { Store } from "../../lib/store/store.ts";
import { listEvents } from "./event-log.ts";
import type { LedgerView } from "./ledger.ts";
import { prefixes, REVISION_KEY, revisionKey } from "./ledger-records.ts";
import { taskBytes } from "./message-size.ts";
import { ID_KEY, type Page, readPageRequest, takePage, tokenAfter } from "./paging.ts";
import { createTaskFilter } from "./task-filter.ts";

/** A task as it is, once that is durable. */
export async function getTask(taskId: string, ledger: LedgerView): Promise<Task> {
  const task = findTask(taskId, ledger);
  await ledger.settled();
  return task;
}

/** A task as the head has it: who answers with it waits for `settled`. */
export function findTask(
  taskId: string,
  { tasks }: Readonly<{ tasks: Pick<LedgerView["tasks"], "get"> }>,
): Task {
  const violations = validateId("task_id", taskId);
  if (violations.length > 0) throw invalidFields(violations);
  const task = tasks.get(taskId);
  if (!task) throw notFound("task", taskId);
  return task;
}

export async function listTasks(
  request: ListTasksRequest,
  ledger: LedgerView,
): Promise<Page<Task> & { revision: bigint }> {
  const cursor = readPageRequest(request, ID_KEY);
  const revision = ledger.revision();
  const tasks = matching(ledger.tasks.all(), request.filter);
  const page = takePage(tasks, cursor, { keyOf: ({ id }) => id, sizeOf: taskBytes });
  await ledger.settled();
  return { ...page, revision };
}

export async function listTaskEvents(
  request: ListTaskEventsRequest,
  { ledger, store }: Readonly<{ ledger: LedgerView; store: Pick<Store, "get" | "list"> }>,
): Promise<Page<TaskEvent>> {
  const { taskId } = request;
  const { size, after } = readPageRequest(request, REVISION_KEY);
  await ledger.settled();
  if (taskId !== "") await checkKnown(taskId, { ledger, store });
  const selection = { taskId, after: after === "" ? 0n : BigInt(`0x${after}`), limit: size };
  const entries = [...(await listEvents(store, selection))];
  const nextPageToken =
    entries.length < size ? "" : tokenAfter(entries, ({ revision }) => revisionKey(revision));
  return { entries, nextPageToken };
}

/** Throws unless there is such a task, or is still something kept of it. */
async function checkKnown(
  taskId: string,
  { ledger, store }: Readonly<{ ledger: LedgerView; store: Pick<Store, "get"> }>,
): Promise<void> {
  const isRemoved = isId(taskId) && (await store.get(prefixes.removed + taskId)) !== undefined;
  if (!isRemoved) findTask(taskId, ledger);
}

const isId = (taskId: string): boolean => validateId("task_id", taskId).length === 0;

function* matching(tasks: Iterable<Task>, filter: TaskFilter | undefined): Generator<Task> {
  const matches = createTaskFilter(filter);
  for (const task of tasks) if (matches(task)) yield task;
}
