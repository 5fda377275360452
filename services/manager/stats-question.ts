import { create } from "@bufbuild/protobuf";
import { attemptsOf, isLive } from "../../core/live-attempts.ts";
import { isTerminal, stateName } from "../../core/task-state.ts";
import { violation } from "../../core/validate.ts";
import { validateStatsInterval, validateStatsTasks } from "../../core/validate-stats.ts";
import type { StreamTaskStatsRequest } from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { type TaskStatsWarning, TaskStatsWarningSchema } from "../../gen/berth/v1/task_stats_pb.ts";
import { invalidFields, notFound } from "../../lib/errors.ts";
import type { LedgerView } from "./ledger.ts";
import type { Wanted } from "./stats-sources.ts";
import { createTaskFilter } from "./task-filter.ts";

/** Whose figures a call asks for, as things are at a moment. */
export type StatsQuestion = () => Readonly<{
  wanted: Wanted;
  /** Of tasks that were named and have no figures. */
  warnings: readonly TaskStatsWarning[];
  /** Whether all tasks that were named have ended. */
  isOver: boolean;
}>;

/** Throws INVALID_ARGUMENT, and NOT_FOUND for a task that does not exist. */
export function readStatsQuestion(
  request: StreamTaskStatsRequest,
  ledger: LedgerView,
): StatsQuestion {
  const { taskIds, filter, interval } = request;
  const both = violation("filter", "is set together with task_ids: leave one of them out");
  const violations = [
    ...validateStatsTasks(taskIds),
    ...validateStatsInterval(interval),
    ...(filter && taskIds.length > 0 ? [both] : []),
  ];
  if (violations.length > 0) throw invalidFields(violations);
  for (const taskId of taskIds) if (!ledger.tasks.get(taskId)) throw notFound("task", taskId);
  if (taskIds.length > 0) return () => ofNamed(new Set(taskIds), ledger);
  const matches = filter && createTaskFilter(filter);
  return () => ({ wanted: ofMatching(matches, ledger), warnings: [], isOver: false });
}

function ofNamed(taskIds: ReadonlySet<string>, { tasks }: LedgerView) {
  const wanted = new Map<string, string[]>();
  const warnings: TaskStatsWarning[] = [];
  let isOver = true;
  for (const taskId of taskIds) {
    const task = tasks.get(taskId);
    isOver &&= !task || isTerminal(task.state);
    const message = whyNot(task);
    if (message !== "") warnings.push(create(TaskStatsWarningSchema, { taskId, message }));
    for (const workerId of task ? workersOf(task) : [])
      wanted.set(workerId, [...(wanted.get(workerId) ?? []), taskId]);
  }
  return { wanted, warnings, isOver };
}

/** Why a task has no figures. Empty when it should have some. */
function whyNot(task: Task | undefined): string {
  if (!task) return "was removed";
  if (isTerminal(task.state)) return `has ended: it is ${stateName(task.state)}`;
  return task.state < TaskState.RUNNING ? `does not run yet: it is ${stateName(task.state)}` : "";
}

const workersOf = (task: Task): ReadonlySet<string> =>
  new Set(
    attemptsOf(task)
      .filter(isLive)
      .map(({ workerId }) => workerId),
  );

/** Only tasks that occupy a worker are looked at, and none where all are wanted. */
function ofMatching(matches: ((task: Task) => boolean) | undefined, { tasks }: LedgerView): Wanted {
  const wanted = new Map<string, readonly string[]>();
  for (const workerId of [...tasks.workerIds()].sort()) {
    const taskIds = matches
      ? [...tasks.placedOn(workerId)].filter(matches).map(({ id }) => id)
      : [];
    if (!matches || taskIds.length > 0) wanted.set(workerId, taskIds);
  }
  return wanted;
}
