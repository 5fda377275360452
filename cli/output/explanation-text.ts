import { formatScore } from "../../core/choice-text.ts";
import { crashesOf } from "../../core/crash-report.ts";
import { isTerminal } from "../../core/task-state.ts";
import { type Remedy, Suitability, type WorkerVerdict } from "../../gen/berth/v1/explanation_pb.ts";
import type { ExplainTaskResponse } from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { Colors } from "./colors.ts";
import { section, standingText } from "./describe-task.ts";
import { formatCpus, formatSince, oneLine } from "./format.ts";
import { placementSection } from "./placement-text.ts";
import type { Column } from "./table.ts";
import { nameOf } from "./task-text.ts";
import { formatWrapped, wrapText } from "./wrap.ts";

type Options = Readonly<{
  colors: Colors;
  nowMs: number;
  /** Of the screen: nothing is wider, and nothing is cut. */
  width: number;
  /** Whether every worker is shown, of an ended task too. */
  all: boolean;
}>;

/** How many workers are shown unless all are. */
export const WORKERS_SHOWN = 20;

/** Why a task is where it is, for people: the answer first, then what it rests on. */
export function explanationText(answer: ExplainTaskResponse, options: Options): string {
  const { task, summary, remedy } = answer;
  if (!task) return "";
  const inner = options.width - INDENT;
  const name = nameOf(task) === task.id ? task.id : `${nameOf(task)} (${task.id})`;
  return [
    paragraph(`${name} ${oneLine(summary)}`, options.width),
    remedy ? section("What would help", remedyText(remedy, task, inner)) : "",
    placementSection(task.attempt, { ...options, width: inner }),
    isAboutWorkers(answer, options) ? workersSection(answer, { ...options, width: inner }) : "",
    section("Attempts, latest first", attemptsText(answer, { ...options, width: inner })),
  ]
    .filter(Boolean)
    .join("\n");
}

/** By which the parts below the first sentence are moved in. */
const INDENT = 2;

const paragraph = (text: string, width: number): string =>
  wrapText(text, width)
    .map((line) => `${line}\n`)
    .join("");

/** Remedies against these filters change what the task asks for. */
const ASKED_BY_TASK: readonly string[] = [
  ...["cpu", "memory", "disk", "constraint", "spread", "max-per-worker", "task-affinity"],
];

function remedyText(remedy: Remedy, task: Task, width: number): string {
  const explanation = oneLine(remedy.explanation);
  if (!ASKED_BY_TASK.includes(remedy.filter)) return paragraph(explanation, width);
  // What a task asks for is frozen with its spec.
  const flag = flagOf(remedy);
  const again = flag === "" ? "submit it again so" : `submit it again with ${flag}`;
  const change = paragraph(`${explanation}: ${again}, and berth rm --force ${task.id}`, width);
  if (isTerminal(task.state)) return change;
  const other = remedy.reservation ? "make room, or add a worker" : "add a worker that fits";
  return change + paragraph(`or ${other}: it is placed by itself then`, width);
}

const MIB = 1024n * 1024n;
const GIB = 1024n * MIB;

/** The flag of `berth run` that carries a remedy out. Empty where none does. */
function flagOf({ filter, reservation }: Remedy): string {
  if (!reservation) return "";
  const { cpuMillis = 0n, memoryBytes = 0n, diskBytes = 0n } = reservation;
  if (filter === "cpu") return `--reserve-cpus ${formatCpus(cpuMillis)}`;
  return filter === "memory"
    ? `--reserve-memory ${sizeArgument(memoryBytes)}`
    : `--reserve-disk ${sizeArgument(diskBytes)}`;
}

/** Never more than there is. */
function sizeArgument(bytes: bigint): string {
  if (bytes > 0n && bytes % GIB === 0n) return `${bytes / GIB}g`;
  return bytes < MIB ? `${bytes}` : `${bytes / MIB}m`;
}

/** Workers say nothing of an ended task, unless it ended for want of one. */
const isAboutWorkers = ({ task, remedy }: ExplainTaskResponse, { all }: Options): boolean =>
  all || remedy !== undefined || !isTerminal(task?.state ?? TaskState.UNSPECIFIED);

const COLUMNS: readonly Column[] = [
  { title: "WORKER" },
  { title: "VERDICT" },
  { title: "SCORE", align: "right" },
  { title: "WHY" },
];

function workersSection(answer: ExplainTaskResponse, { colors, width, all }: Options): string {
  const { task, workers, workerCount } = answer;
  if (workerCount === 0) return "";
  const shown = all ? workers : workers.slice(0, WORKERS_SHOWN);
  const current = task?.attempt?.number ?? 0;
  const rows = shown.map((worker) => [
    worker.workerId,
    verdictText(worker, { colors, current }),
    worker.score === undefined ? "-" : formatScore(worker.score),
    whyText(worker),
  ]);
  const rest = workerCount - shown.length;
  const more = rest > 0 ? `… and ${rest} more, see --all\n` : "";
  return section(
    workersTitle(answer),
    formatWrapped(COLUMNS, rows, { headers: true, width }) + more,
  );
}

/** What a placed task has itself is not held against it. */
function workersTitle({ task, workerCount, suitableCount }: ExplainTaskResponse): string {
  const isPlaced = task?.attempt?.placement !== undefined && !isTerminal(task.state);
  const moment = isPlaced ? "now, as if it were not placed" : "now";
  return `Workers ${moment}: ${suitableCount} of ${workerCount} can take it`;
}

function verdictText(
  { suitability, attempts }: WorkerVerdict,
  { colors, current }: Readonly<{ colors: Colors; current: number }>,
): string {
  if (attempts.includes(current)) return colors.good("has it");
  if (attempts.length > 0) return colors.moving(`has attempt ${attempts.join(", ")}`);
  switch (suitability) {
    case Suitability.PREFERRED:
      return colors.good("first choice");
    case Suitability.FITS:
      return colors.good("fits");
    case Suitability.AVOIDED:
      return colors.moving("last choice");
    default:
      return colors.bad("no");
  }
}

const whyText = ({ objections, note, ...worth }: WorkerVerdict): string =>
  [oneLine(note), standingText(worth), ...objections.map(({ explanation }) => oneLine(explanation))]
    .filter(Boolean)
    .join("\n");

/** What the first sentence has said of the future is not said again. */
function attemptsText(answer: ExplainTaskResponse, { nowMs, width }: Options): string {
  const { attempts, outlook, summary, task } = answer;
  const told = attempts.map(({ attempt, explanation }) => [
    String(attempt),
    whenOf(attempt, task, nowMs),
    oneLine(explanation),
  ]);
  const columns: readonly Column[] = [{ title: "", align: "right" }, { title: "" }, { title: "" }];
  const lines = formatWrapped(columns, told, { headers: false, width });
  const next = summary.includes(outlook) ? "" : oneLine(outlook);
  return [next, crashHint(task)]
    .filter(Boolean)
    .reduce((text, line) => text + paragraph(line, width), lines);
}

/** Since when it is as it is said to be. */
function whenOf(number: number, task: Task | undefined, nowMs: number): string {
  const known = [task?.attempt, task?.successor, ...(task?.pastAttempts ?? [])];
  const status = known.find((attempt) => attempt?.number === number)?.status;
  return status?.observeTime ? `${formatSince(status.observeTime, nowMs)} ago` : "";
}

/** Where to look next when an attempt has failed that was there to say why. */
function crashHint(task: Task | undefined): string {
  const hasCrashed = task !== undefined && crashesOf(task).length > 0;
  return hasCrashed ? `what it left behind, and what has changed: berth inspect ${task.id}` : "";
}
