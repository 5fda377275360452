import { stateName } from "../../core/task-state.ts";
import {
  DifferenceKind,
  type ListDifferencesResponse,
  type TaskDifference,
  type TaskSituation,
  type WorkerDifference,
  type WorkerSituation,
} from "../../gen/berth/v1/past_pb.ts";
import { DesiredState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerAvailability } from "../../gen/berth/v1/worker_pb.ts";
import { type Colors, paintOf } from "./colors.ts";
import { oneLine } from "./format.ts";
import { workerStateName } from "./past-worker-listing.ts";
import { formatTable } from "./table.ts";

/** How kinds are told, of one and counted. */
const WORDS: Readonly<Record<DifferenceKind, string>> = {
  [DifferenceKind.UNSPECIFIED]: "unknown",
  [DifferenceKind.CAME]: "came",
  [DifferenceKind.WENT]: "went",
  [DifferenceKind.STATE]: "changed state",
  [DifferenceKind.MOVED]: "moved",
  [DifferenceKind.RESTARTED]: "restarted",
  [DifferenceKind.OTHER]: "changed otherwise",
};

type Printing = Readonly<{ colors: Colors; headers: boolean; width: number | undefined }>;

/** What was different, for people: a summary, then the tasks, then the workers. */
export function differencesText(
  { tasks, workers }: ListDifferencesResponse,
  printing: Printing,
): string {
  const summary = `tasks: ${summaryOf(tasks)}\nworkers: ${summaryOf(workers)}\n`;
  return [summary, tasksText(tasks, printing), workersText(workers, printing)]
    .filter(Boolean)
    .join("\n");
}

/** Whatever has kinds. */
type Counted = Readonly<{ kinds: readonly DifferenceKind[] }>;

function summaryOf(differences: readonly Counted[]): string {
  const counts = new Map<DifferenceKind, number>();
  for (const kind of differences.flatMap(({ kinds }) => kinds))
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const parts = [...counts].sort(([a], [b]) => a - b);
  return parts.map(([kind, count]) => `${count} ${WORDS[kind]}`).join(", ") || "no difference";
}

function tasksText(tasks: readonly TaskDifference[], { colors, headers, width }: Printing): string {
  if (tasks.length === 0) return "";
  const columns = ["TASK", "NAME", "WHAT", "FROM", "TO"].map((title) => ({ title }));
  const rows = tasks.map(({ taskId, taskName, kinds, from, to }) => [
    taskId,
    oneLine(taskName),
    kindsText(kinds, (to?.restartCount ?? 0) - (from?.restartCount ?? 0)),
    from ? paintOf(from.state, colors)(taskText(from)) : "-",
    to ? taskText(to) : "-",
  ]);
  return formatTable(columns, rows, { headers, width });
}

function workersText(workers: readonly WorkerDifference[], { headers, width }: Printing): string {
  if (workers.length === 0) return "";
  const columns = ["WORKER", "WHAT", "FROM", "TO"].map((title) => ({ title }));
  const rows = workers.map(({ workerId, kinds, from, to }) => [
    workerId,
    kindsText(kinds, 0),
    from ? workerText(from) : "-",
    to ? workerText(to) : "-",
  ]);
  return formatTable(columns, rows, { headers, width });
}

const kindsText = (kinds: readonly DifferenceKind[], restarts: number): string =>
  kinds
    .map((kind) =>
      kind === DifferenceKind.RESTARTED && restarts > 1
        ? `${WORDS[kind]} ${restarts} times`
        : WORDS[kind],
    )
    .join(", ");

/** A task at one time: `running on worker-1, attempt 2`. */
function taskText({ state, workerId, attempt, desiredState }: TaskSituation): string {
  const place = workerId === "" ? "" : ` on ${workerId}`;
  const wish = desiredState === DesiredState.RUN ? "" : ", to end";
  return `${stateName(state)}${place}${attempt > 1 ? `, attempt ${attempt}` : ""}${wish}`;
}

/** A worker at one time: `up, paused`. */
function workerText({ state, availability, version }: WorkerSituation): string {
  const decided = (WorkerAvailability[availability] ?? "").toLowerCase();
  const isPlain = availability <= WorkerAvailability.ACTIVE;
  return [workerStateName(state), isPlain ? "" : decided, version && `version ${oneLine(version)}`]
    .filter(Boolean)
    .join(", ");
}
