import { formatScore } from "../../core/choice-text.ts";
import {
  type LossRisk,
  PlannedFate,
  type PlannedTask,
  type PlanTasksResponse,
} from "../../gen/berth/v1/plan_pb.ts";
import type { Colors } from "./colors.ts";
import { section, standingText } from "./describe-task.ts";
import { oneLine } from "./format.ts";
import { formatWrapped, wrapText } from "./wrap.ts";

type Options = Readonly<{
  colors: Colors;
  /** Of the screen: nothing is wider, and nothing is cut. */
  width: number;
  /** What a step's tasks are called that have no name. */
  labelOf: (step: number) => string;
  /** Whether it was asked whose loss would leave tasks without a place. */
  withRisks: boolean;
}>;

/** By which tables are moved in. */
const INDENT = 2;

/** What would happen, for people: the sum first, then each task, then what else there is to know. */
export function planText(answer: PlanTasksResponse, options: Options): string {
  const inner = { ...options, width: options.width - INDENT };
  return [
    answer.taskCount > 0 ? section(headline(answer), tasksTable(answer, inner)) : "",
    notesText(answer, options),
    options.withRisks ? risksText(answer, inner) : "",
  ]
    .filter(Boolean)
    .join("\n");
}

function headline({ taskCount, placedCount, unplacedCount }: PlanTasksResponse): string {
  const others = taskCount - placedCount - unplacedCount;
  const parts = [
    `${placedCount} would be placed`,
    ...(unplacedCount > 0 ? [`${unplacedCount} would have no place`] : []),
    ...(others > 0 ? [`${others} would stay or end`] : []),
  ];
  return `${tasks(taskCount)}: ${parts.join(", ")}`;
}

const tasks = (count: number): string => (count === 1 ? "1 task" : `${count} tasks`);

function tasksTable({ tasks: planned, taskCount }: PlanTasksResponse, options: Options): string {
  const isAnyFrom = planned.some(({ fromWorkerId }) => fromWorkerId !== "");
  const titles = ["TASK", "FATE", ...(isAnyFrom ? ["FROM"] : []), "TO", "WHY"];
  const rows = alike(planned, options).map((group) => cellsOf(group, { ...options, isAnyFrom }));
  const rest = taskCount - planned.length;
  const more = rest > 0 ? `… and ${rest} more\n` : "";
  const columns = titles.map((title) => ({ title }));
  return formatWrapped(columns, rows, { headers: true, width: options.width }) + more;
}

/** Tasks of which the same is to be said, but for their scores. */
type Group = Readonly<{ label: string; first: PlannedTask; last: PlannedTask; count: number }>;

function alike(planned: readonly PlannedTask[], { labelOf }: Options): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const task of planned) {
    const { taskName, taskId, step, fate, fromWorkerId, toWorkerId } = task;
    const label = oneLine(taskName || taskId || labelOf(step ?? 0));
    const key = JSON.stringify([label, fate, fromWorkerId, toWorkerId, detailsOf(task)]);
    const { first = task, count = 0 } = groups.get(key) ?? {};
    groups.set(key, { label, first, last: task, count: count + 1 });
  }
  return [...groups.values()];
}

function cellsOf(
  { label, first, last, count }: Group,
  { colors, isAnyFrom }: Options & Readonly<{ isAnyFrom: boolean }>,
): readonly string[] {
  return [
    count === 1 ? label : `${label} ×${count}`,
    fateText(first, colors),
    ...(isAnyFrom ? [first.fromWorkerId || "-"] : []),
    first.toWorkerId || "-",
    [worthText(first, last), ...detailsOf(first)].filter(Boolean).join("\n"),
  ];
}

function fateText({ fate, fromWorkerId }: PlannedTask, colors: Colors): string {
  switch (fate) {
    case PlannedFate.PLACED:
      return colors.good(fromWorkerId === "" ? "placed" : "moves");
    case PlannedFate.UNPLACED:
      return colors.bad("no place");
    case PlannedFate.STAYS:
      return "stays";
    case PlannedFate.ENDS:
      return colors.moving("ends");
    default:
      return "unknown";
  }
}

function worthText({ placement: first }: PlannedTask, { placement: last }: PlannedTask): string {
  if (!first || !last) return "";
  const [from, to] = [formatScore(first.score), formatScore(last.score)];
  return `${first.scheduler}, score ${from}${from === to ? "" : ` to ${to}`}`;
}

const detailsOf = ({ placement, reason, remedy }: PlannedTask): readonly string[] => [
  placement ? standingText(placement) : "",
  oneLine(reason),
  remedy ? `would help: ${oneLine(remedy.explanation)}` : "",
];

function notesText({ waitingCount, retryingCount }: PlanTasksResponse, { width }: Options): string {
  const retrying = retryingCount === 1 ? "1 task waits" : `${retryingCount} tasks wait`;
  const notes = [
    ...(waitingCount > 0 ? [`${tasks(waitingCount)} more would wait for a place as before.`] : []),
    ...(retryingCount > 0
      ? [`${retrying} for the time of the next attempt: not counted here.`]
      : []),
  ];
  return notes
    .flatMap((note) => wrapText(note, width))
    .map((line) => `${line}\n`)
    .join("");
}

function risksText(answer: PlanTasksResponse, { width }: Options): string {
  const { risks, riskCount, riskWorkerCount } = answer;
  if (riskWorkerCount === 0) return "N+1: no worker that is ready has a task\n";
  const workers = riskWorkerCount === 1 ? "1 worker" : `${riskWorkerCount} workers`;
  if (riskCount === 0) return `N+1 holds: any of ${workers} with tasks may be lost\n`;
  const columns = [{ title: "WORKER" }, right("TASKS"), right("NO PLACE"), { title: "WHICH" }];
  const more = riskCount > risks.length ? `… and ${riskCount - risks.length} more\n` : "";
  return section(
    `N+1 does not hold: ${riskCount} of ${workers} with tasks may not be lost`,
    formatWrapped(columns, risks.map(riskCells), { headers: true, width }) + more,
  );
}

const right = (title: string) => ({ title, align: "right" as const });

function riskCells(risk: LossRisk): readonly string[] {
  const { workerId, taskCount, unplacedCount, unplaced } = risk;
  const which = unplaced.map(({ taskId, taskName, reason }) =>
    oneLine(`${taskName || taskId || "a planned task"}: ${reason}`),
  );
  const rest = unplacedCount - unplaced.length;
  const lines = rest > 0 ? [...which, `… and ${rest} more`] : which;
  return [workerId, `${taskCount}`, `${unplacedCount}`, lines.join("\n")];
}
