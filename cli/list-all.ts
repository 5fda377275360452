import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { CrashReport } from "../gen/berth/v1/crash_report_pb.ts";
import type { ExplainTaskResponse, TaskFilterSchema } from "../gen/berth/v1/manager_service_pb.ts";
import type {
  HistoryGap,
  ListDifferencesRequestSchema,
  ListDifferencesResponse,
} from "../gen/berth/v1/past_pb.ts";
import type { TaskEvent } from "../gen/berth/v1/task_event_pb.ts";
import type { Task } from "../gen/berth/v1/task_pb.ts";
import type { Worker } from "../gen/berth/v1/worker_pb.ts";
import type { Manager } from "./context.ts";
import type { At } from "./past.ts";

export type TaskFilterInit = MessageInitShape<typeof TaskFilterSchema>;

/** The most that the contract gives in a page: fewest calls for all of it. */
const PAGE_SIZE = 1000;

type Call = Readonly<{ signal: AbortSignal }>;

type TasksAt = Readonly<{ filter: TaskFilterInit }> & At;

/** Every task that matches, and the revision of the first page; of the past what is not known, too. */
export async function listTasks(manager: Manager, asked: TasksAt, call: Call) {
  const tasks: Task[] = [];
  const gaps: HistoryGap[] = [];
  let revision: bigint | undefined;
  let pageToken = "";
  do {
    const page = await manager.listTasks({ pageSize: PAGE_SIZE, pageToken, ...asked }, call);
    tasks.push(...page.tasks);
    gaps.push(...page.gaps);
    revision ??= page.revision;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return { tasks, gaps, revision };
}

/** Every event of a task, or of all tasks when `taskId` is empty, oldest first. */
export async function listEvents(
  manager: Manager,
  taskId: string,
  call: Call,
): Promise<readonly TaskEvent[]> {
  const events: TaskEvent[] = [];
  let pageToken = "";
  do {
    const page = await manager.listTaskEvents({ pageSize: PAGE_SIZE, pageToken, taskId }, call);
    events.push(...page.events);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return events;
}

/**
 * The latest crash reports of a task, as many as wanted. None where the manager is of a version that
 * makes none, and of a removed task: what else there is to tell of a task must not fail for it.
 */
export async function listCrashes(
  manager: Manager,
  { taskId, crashCount }: Readonly<{ taskId: string; crashCount: number }>,
  call: Call,
): Promise<readonly CrashReport[]> {
  if (crashCount === 0) return [];
  try {
    return (await manager.listCrashReports({ taskId, pageSize: crashCount }, call)).reports;
  } catch (error) {
    const { code } = ConnectError.from(error);
    if (code === Code.Unimplemented || code === Code.NotFound) return [];
    throw error;
  }
}

/** Every worker, in the order of their IDs, and what is not known of a moment of the past. */
export async function listWorkers(manager: Manager, at: At, call: Call) {
  const workers: Worker[] = [];
  const gaps: HistoryGap[] = [];
  let pageToken = "";
  do {
    const page = await manager.listWorkers({ pageSize: PAGE_SIZE, pageToken, ...at }, call);
    workers.push(...page.workers);
    gaps.push(...page.gaps);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return { workers, gaps };
}

/** All that was different between two times. */
export async function listDifferences(
  manager: Manager,
  times: MessageInitShape<typeof ListDifferencesRequestSchema>,
  call: Call,
): Promise<ListDifferencesResponse> {
  const first = await manager.listDifferences({ ...times, pageSize: PAGE_SIZE }, call);
  const [tasks, gaps] = [[...first.tasks], [...first.gaps]];
  let pageToken = first.nextPageToken;
  while (pageToken !== "") {
    const page = await manager.listDifferences({ ...times, pageSize: PAGE_SIZE, pageToken }, call);
    tasks.push(...page.tasks);
    gaps.push(...page.gaps);
    pageToken = page.nextPageToken;
  }
  return { ...first, tasks, gaps, nextPageToken: "" };
}

/** The explanation of a task with every worker, as the first page tells all but the workers. */
export async function explainWhole(
  manager: Manager,
  taskId: string,
  call: Call,
): Promise<ExplainTaskResponse> {
  const first = await manager.explainTask({ taskId, pageSize: PAGE_SIZE }, call);
  const seen = new Map(first.workers.map((worker) => [worker.workerId, worker]));
  let pageToken = first.nextPageToken;
  while (pageToken !== "") {
    const page = await manager.explainTask({ taskId, pageSize: PAGE_SIZE, pageToken }, call);
    for (const worker of page.workers) seen.set(worker.workerId, worker);
    pageToken = page.nextPageToken;
  }
  return { ...first, workers: [...seen.values()], nextPageToken: "" };
}
