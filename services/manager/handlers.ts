import type { ContextValues, ServiceImpl } from "@connectrpc/connect";
import { SCHEDULER_NAMES } from "../../core/placement/schedulers.ts";
import type { ManagerService, SubmitTaskRequest } from "../../gen/berth/v1/manager_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { type FieldViolation, invalidFields } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { callTagsOf, logOfCall } from "../../lib/rpc/call-tags.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import type { Store } from "../../lib/store/store.ts";
import { formatTraceparent } from "../../lib/trace/trace-context.ts";
import { outcomeOf, submittedTogether } from "./batch-answer.ts";
import { type ClusterFacts, getCluster } from "./cluster-query.ts";
import { listCrashReports } from "./crash-queries.ts";
import type { CrashReporter } from "./crash-reporter.ts";
import { explainTask } from "./explain-task.ts";
import type { Ledger, LedgerView } from "./ledger.ts";
import { listDifferences } from "./list-differences.ts";
import { getPastTask, getPastWorker, listPastTasks, listPastWorkers } from "./past-queries.ts";
import type { PlacementBoard } from "./placement-board.ts";
import { createPlanner } from "./plan-tasks.ts";
import { rebalanceTasks } from "./rebalance-tasks.ts";
import { createExecRelay } from "./task-exec.ts";
import { createFilesRelay } from "./task-files.ts";
import { streamTaskLogs } from "./task-logs.ts";
import type { TaskMutations } from "./task-mutations.ts";
import { getTask, listTaskEvents, listTasks } from "./task-queries.ts";
import { createTaskStatsStreamer } from "./task-stats.ts";
import { watchTasks } from "./watch-tasks.ts";
import { createWorkerLines } from "./worker-lines.ts";
import { updateWorker } from "./worker-mutations.ts";
import { type Drains, getWorker, listWorkers } from "./worker-queries.ts";
import type { WorkerTable } from "./worker-table.ts";

/** What a manager can answer that does not lead. */
type ReadHandlers = Pick<
  ServiceImpl<typeof ManagerService>,
  | "getTask"
  | "listTasks"
  | "watchTasks"
  | "listTaskEvents"
  | "listDifferences"
  | "streamTaskLogs"
  | "execTask"
  | "copyTaskFiles"
  | "streamTaskStats"
  | "listWorkers"
  | "getWorker"
  | "getCluster"
>;

export type ReadDeps = Readonly<{
  ledger: LedgerView;
  store: Pick<Store, "get" | "list">;
  workers: WorkerTable;
  drains: Drains;
  facts: ClusterFacts;
  clock: Clock;
  connect: (address: string) => Channel;
}>;

export function createReadHandlers(deps: ReadDeps): ReadHandlers {
  const { ledger } = deps;
  const lines = createWorkerLines(deps);
  const execTask = createExecRelay({ ...deps, lines });
  const copyTaskFiles = createFilesRelay({ ...deps, lines });
  const streamTaskStats = createTaskStatsStreamer(deps);
  return {
    getTask: async ({ taskId, atTime }) => ({
      task: await (atTime ? getPastTask(taskId, atTime, deps) : getTask(taskId, ledger)),
    }),
    async listTasks(request) {
      const { atTime } = request;
      if (atTime) return listPastTasks({ ...request, atTime }, deps);
      const { entries, nextPageToken, revision } = await listTasks(request, ledger);
      return { tasks: entries, nextPageToken, revision };
    },
    watchTasks: (request, { signal }) => watchTasks(request, deps, signal),
    async listTaskEvents(request) {
      const { entries, nextPageToken } = await listTaskEvents(request, deps);
      return { events: entries, nextPageToken };
    },
    streamTaskLogs: (request, { signal }) => streamTaskLogs(request, { ...deps, lines }, signal),
    execTask: (words, { signal }) => execTask(words, signal),
    copyTaskFiles: (words, { signal }) => copyTaskFiles(words, signal),
    streamTaskStats: (request, { signal }) => streamTaskStats(request, signal),
    listDifferences: (request) => listDifferences(request, deps),
    async listWorkers(request) {
      const { atTime } = request;
      if (atTime) return listPastWorkers({ ...request, atTime }, deps);
      const { entries, nextPageToken } = listWorkers(request, deps);
      return { workers: entries, nextPageToken };
    },
    getWorker: async ({ workerId, atTime }) => ({
      worker: await (atTime ? getPastWorker(workerId, atTime, deps) : getWorker(workerId, deps)),
    }),
    getCluster: () => ({ cluster: getCluster(deps) }),
  };
}

export type HandlerDeps = ReadDeps &
  Readonly<{
    ledger: Ledger;
    store: Store;
    mutations: TaskMutations;
    board: PlacementBoard;
    reporter: CrashReporter;
    log: Log;
  }>;

/** The manager's side of the contract: checks, asks, answers. Every decision lies elsewhere. */
export function createHandlers(deps: HandlerDeps): ServiceImpl<typeof ManagerService> {
  const { mutations, facts } = deps;
  const { defaultScheduler } = facts;
  const plan = createPlanner({ ...deps, schedulers: SCHEDULER_NAMES, defaultScheduler });
  return {
    ...createReadHandlers(deps),
    async submitTask(request, { values }) {
      const { task, fieldReport } = await mutations.submit(request, traceparentOf(values));
      return { task, ...(fieldReport && { fieldReport }) };
    },
    async submitTasks(request, { values }) {
      refuseTooMany(request);
      mutations.checkTogether(request);
      const traceparent = traceparentOf(values);
      const submitOne = (one: SubmitTaskRequest) => mutations.submit(one, traceparent);
      return submittedTogether(await settled(request, submitOne));
    },
    stopTask: async (request) => ({ task: await mutations.stop(request) }),
    async stopTasks(request) {
      refuseTooMany(request);
      const results = await settled(request, mutations.stop);
      return { results: results.map((result) => outcomeOf(result, (task) => task)) };
    },
    removeTask: async (request) => ({ task: await mutations.remove(request) }),
    explainTask: (request) => explainTask(request, deps),
    async listCrashReports(request) {
      const { entries, nextPageToken } = await listCrashReports(request, deps);
      return { reports: entries, nextPageToken };
    },
    async updateWorker(request, { values }) {
      await updateWorker(request, { ...deps, log: logOfCall(deps.log, values) });
      return { worker: getWorker(request.workerId, deps) };
    },
    rebalanceTasks: (request, { values }) =>
      rebalanceTasks(request, { ...deps, log: logOfCall(deps.log, values) }),
    planTasks: (request, { signal }) => plan(request, signal),
  };
}

/** The span that a call is answered in, or that its caller named. Empty where there is none. */
function traceparentOf(values: ContextValues): string {
  const { trace } = callTagsOf(values);
  return trace ? formatTraceparent(trace) : "";
}

/** The most entries of one batch. */
const BATCH_ENTRIES_MAX = 1_000;

type Batch<R> = Readonly<{ requests: readonly R[] }>;

function refuseTooMany({ requests }: Batch<unknown>): void {
  if (requests.length > BATCH_ENTRIES_MAX) throw invalidFields([tooMany(requests.length)]);
}

/** Each entry's fate. All are under way at once, so that they become durable by one flush. */
const settled = <R, T>({ requests }: Batch<R>, act: (request: R) => Promise<T>) =>
  Promise.allSettled(requests.map(act));

const tooMany = (count: number): FieldViolation => ({
  field: "requests",
  description: `has ${count} entries: send at most ${BATCH_ENTRIES_MAX} a call`,
});
