import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { fieldReport } from "../../core/field-report.ts";
import { SCHEDULER_NAMES } from "../../core/placement/schedulers.ts";
import { isTerminal, stateName } from "../../core/task-state.ts";
import { toTimestamp } from "../../core/time.ts";
import { type LogEntry, LogEntrySchema, LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import type {
  ManagerService,
  RemoveTaskRequest,
  StreamTaskLogsRequest,
  SubmitTaskRequest,
  TaskFilter,
  WatchTasksRequest,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { Worker } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { aborted, wrongState } from "../../lib/errors.ts";
import { toStatus } from "../../lib/status.ts";
import { createFakeCopies } from "./fake-copies.ts";
import { fakeReports } from "./fake-crashes.ts";
import { execFake } from "./fake-exec.ts";
import { explainFake } from "./fake-explanation.ts";
import { createFakeFleet } from "./fake-fleet.ts";
import { createFakeLedger, type FakeLedger } from "./fake-ledger.ts";
import { fakeDifferences, findTask, tasksOf } from "./fake-past.ts";
import { planFake } from "./fake-plan.ts";
import { fakeStats } from "./fake-stats.ts";

type Options = Readonly<{
  clock: Clock;
  workers: readonly Worker[];
  /** Called when a watch has told all that will ever happen. */
  onIdle: () => void;
}>;

/**
 * A manager in memory, where all that follows a submit has happened by the time
 * of the answer: calls see how it ended, watches see every step.
 */
export function createFakeManager({
  clock,
  workers,
  onIdle,
}: Options): ServiceImpl<typeof ManagerService> {
  const ledger = createFakeLedger(clock);
  const fleet = createFakeFleet(workers, clock);
  const revision = () => BigInt(ledger.changes.length);
  return {
    submitTask(request, { requestHeader }) {
      if (request.checkIndex.startsWith("0-")) throw outdated();
      return submitted(ledger, request, requestHeader.get("traceparent") ?? "");
    },
    submitTasks: ({ requests, checkIndex }) => {
      if (checkIndex.startsWith("0-")) throw outdated();
      return submittedAll(ledger, requests);
    },
    updateWorker: (request) => ({ worker: fleet.update(request) }),
    rebalanceTasks: ({ validateOnly }) => rebalance(ledger, validateOnly),
    getTask: ({ taskId, atTime }) => ({ task: findTask(ledger, taskId, atTime) }),
    listTasks: ({ filter, atTime }) => ({
      tasks: tasksOf(ledger, atTime).filter(matcher(filter)),
      revision: revision(),
    }),
    listDifferences: (request) => fakeDifferences(ledger, request, toTimestamp(clock.now())),
    async *watchTasks(request, { signal }) {
      yield* tell(ledger, request);
      onIdle();
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
    stopTask: ({ taskId }) => ({ task: ledger.stop(taskId) }),
    stopTasks: () => ({}),
    removeTask: (request) => ({ task: removed(ledger, request) }),
    listTaskEvents: ({ taskId }) => ({
      events: ledger.changes
        .map(({ event }) => event)
        .filter((event) => taskId === "" || event.taskId === taskId),
    }),
    explainTask: (request) => explainFake(request, { ledger, workers: fleet.all(), clock }),
    listCrashReports: ({ taskId, attempt }) => ({
      reports: fakeReports(ledger.find(taskId), attempt),
    }),
    planTasks: (request) => planFake(request, { ledger, workers: fleet.all(), clock }),
    streamTaskLogs: (request) => tellLogs(ledger, request),
    execTask: (words) => execFake(words, ledger),
    copyTaskFiles: createFakeCopies(ledger),
    async *streamTaskStats(request, { signal }) {
      yield fakeStats(request, ledger, "first");
      yield fakeStats(request, ledger, "later");
      onIdle();
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
    listWorkers: () => ({ workers: fleet.all() }),
    getWorker: ({ workerId }) => ({ worker: fleet.find(workerId) }),
    getCluster: () => ({ cluster: clusterOf(clock.now(), workers.length, revision()) }),
  };
}

function submittedAll(ledger: FakeLedger, requests: readonly SubmitTaskRequest[]) {
  const results = requests.map((request) => submitOne(ledger, request));
  return {
    results: results.map((each, at) => ({
      outcome: each.outcome,
      ...("report" in each && each.report && { fieldReport: at }),
    })),
    fieldReports: results.map((each) => ("report" in each && each.report) || {}),
  };
}

function removed(ledger: FakeLedger, { taskId, force }: RemoveTaskRequest): Task {
  const task = ledger.find(taskId);
  if (!isTerminal(task.state) && !force) {
    const words = `task ${taskId} has not ended: it is ${stateName(task.state)}`;
    throw wrongState("TASK_NOT_ENDED", words);
  }
  ledger.remove(task);
  return task;
}

function submitted(ledger: FakeLedger, request: SubmitTaskRequest, traceparent = "") {
  const task = ledger.submit(request, traceparent);
  const { spec, omitFieldReport } = request;
  if (omitFieldReport || !spec || !task.spec) return { task };
  return { task, fieldReport: fieldReport(spec, task.spec) };
}

function submitOne(ledger: FakeLedger, request: SubmitTaskRequest) {
  try {
    const { task, fieldReport: report } = submitted(ledger, request);
    return { outcome: { case: "task" as const, value: task }, report };
  } catch (error) {
    return { outcome: { case: "error" as const, value: toStatus(error) } };
  }
}

/** What a manager says of a plan that was made when there was nothing. */
const outdated = () =>
  aborted(
    "PLAN_OUTDATED",
    "the plan of revision 0 no longer holds at revision 3, or is of other tasks: now web would go " +
      "to worker-1; plan again",
  );

function* tell(ledger: FakeLedger, { afterRevision, filter }: WatchTasksRequest) {
  const matches = matcher(filter);
  const known = afterRevision ?? BigInt(ledger.changes.length);
  if (afterRevision === undefined) {
    yield { changes: select(ledger, filter).map((task) => ({ task })), revision: known };
  }
  for (const change of ledger.changes.slice(Number(known))) {
    if (matches(change.task)) yield { changes: [change], revision: change.event.revision };
  }
}

const select = ({ tasks }: FakeLedger, filter: TaskFilter | undefined): Task[] =>
  [...tasks.values()].filter(matcher(filter));

const matcher =
  (filter: TaskFilter | undefined) =>
  (task: Task): boolean => {
    const { states = [], workerId = "", labels = {}, name = "" } = filter ?? {};
    return (
      (states.length === 0 || states.includes(task.state)) &&
      (workerId === "" || task.attempt?.placement?.workerId === workerId) &&
      (name === "" || task.spec?.name === name) &&
      Object.entries(labels).every(([key, value]) => task.spec?.labels[key] === value)
    );
  };

/** The first running task moves from worker-1 to a worker that has joined; the others stay. */
function rebalance({ tasks }: FakeLedger, isPlan: boolean) {
  const [first, ...others] = [...tasks.values()].filter(({ state }) => state === TaskState.RUNNING);
  if (!first || !isPlan) return { moves: [], blocks: [] };
  const names = { taskId: first.id, taskName: first.spec?.name ?? "" };
  const route = { fromWorkerId: "worker-1", toWorkerId: "worker-4" };
  return {
    moves: [{ ...names, ...route, reason: "worker-1 is 62 % full, worker-4 0 %" }],
    blocks: others.map(({ id }) => ({ taskId: id, reason: "ends by itself" })),
  };
}

/** Logs of one task, or of several with a warning for those that do not run. */
async function* tellLogs(ledger: FakeLedger, request: StreamTaskLogsRequest) {
  const { taskId, taskIds, filter } = request;
  const ids = taskId === "" ? taskIds : [taskId];
  const tasks = filter ? select(ledger, filter) : ids.map(ledger.find);
  for (const task of tasks) {
    const tag = { taskId: task.id, taskName: task.spec?.name ?? "", attempt: 1 };
    const message = `has no container yet: ${task.waitingReason}`;
    const warning = { reason: "NO_CONTAINER", message, isRetried: false };
    const isWaiting = taskId === "" && task.waitingReason !== "";
    yield isWaiting ? { ...tag, warning } : { ...tag, entries: selectLines(task, request) };
  }
}

function selectLines(task: Task, { tail, streams }: StreamTaskLogsRequest): LogEntry[] {
  const isSelected = ({ stream }: LogEntry) => streams.length === 0 || streams.includes(stream);
  const entries = linesOf(task).filter(isSelected);
  return tail === undefined ? entries : entries.slice(entries.length - tail);
}

const linesOf = (task: Task): readonly LogEntry[] => [
  line(task, LogStream.STDOUT, "listening"),
  line(task, LogStream.STDERR, "warning: no configuration"),
  line(task, LogStream.STDOUT, `serving ${task.spec?.image}`),
];

const line = ({ createTime }: Task, stream: LogStream, text: string): LogEntry =>
  create(LogEntrySchema, {
    stream,
    data: new TextEncoder().encode(`${text}\n`),
    ...(createTime ? { time: createTime } : {}),
  });

const HOUR_MS = 3_600_000;

const clusterOf = (nowMs: number, workerCount: number, revision: bigint) => ({
  id: "c1",
  epoch: 7n,
  revision,
  version: "0.1.0",
  leader: "oak:7070",
  startTime: toTimestamp(nowMs - HOUR_MS),
  defaultScheduler: "spread",
  schedulers: [...SCHEDULER_NAMES],
  readyWorkerCount: 1,
  workerCount,
  observeTime: toTimestamp(nowMs),
  taskCounts: [{ state: TaskState.RUNNING, count: 2 }],
});
