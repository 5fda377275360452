import { attemptTrace, submitSpan } from "../../core/attempt-trace.ts";
import { formatScore } from "../../core/choice-text.ts";
import { reasonName } from "../../core/outcomes.ts";
import { constraintText } from "../../core/placement/constraint.ts";
import { isTerminal, stateName } from "../../core/task-state.ts";
import type { Affinity, Spread, TaskAffinity } from "../../gen/berth/v1/affinity_pb.ts";
import type { CrashReport } from "../../gen/berth/v1/crash_report_pb.ts";
import type { Placement } from "../../gen/berth/v1/placement_pb.ts";
import type { TaskEvent } from "../../gen/berth/v1/task_event_pb.ts";
import {
  type Attempt,
  DesiredState,
  NetworkMode,
  RestartMode,
  type Task,
  type TaskSpec,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";
import { type Colors, paintOf } from "./colors.ts";
import { crashText } from "./crash-text.ts";
import { amountText } from "./describe-worker.ts";
import { eventListing } from "./event-listing.ts";
import { formatLabels, formatSince, formatTime, oneLine } from "./format.ts";
import { probeText } from "./probe-text.ts";
import { formatFields } from "./table.ts";
import { detailText, nameOf, portsText, stateText } from "./task-text.ts";
import { formatWrapped } from "./wrap.ts";

type Options = Readonly<{
  task: Task;
  /** Oldest first. The latest are shown. */
  events: readonly TaskEvent[];
  /** Of its attempts that failed or were lost, latest first: those that are shown. */
  reports: readonly CrashReport[];
  colors: Colors;
  nowMs: number;
  /** Of the screen: what is longer goes on in a further line. */
  width: number;
}>;

const EVENTS_SHOWN = 20;

/** By which tables are moved in. */
const INDENT = 2;

/** All about a task, for people: what it is, where and why there, and how it went. */
export function describeTask(options: Options): string {
  const { task, events } = options;
  const sections = [
    formatFields([...headFields(options), ...specFields(task.spec)]),
    section("Placement", formatFields(placedFields(task.attempt))),
    section("Attempts", attemptsText(options)),
    ...options.reports.map((report) => crashText(report, options)),
    section(
      events.length > EVENTS_SHOWN ? `Events (the latest ${EVENTS_SHOWN})` : "Events",
      eventsText(options),
    ),
  ];
  return sections.filter(Boolean).join("\n");
}

/** A titled part of a page, or nothing where there is nothing to say. */
export const section = (title: string, body: string): string =>
  body === "" ? "" : `${title}\n${body.replace(/^(?=.)/gm, "  ")}`;

type Fields = readonly (readonly [name: string, value: string])[];

function headFields({ task, colors, nowMs }: Options): Fields {
  const state = paintOf(task.state, colors)(stateText(task, nowMs));
  return [
    ["ID", task.id],
    ["Name", nameOf(task)],
    ["State", [state, detailText(task, nowMs)].filter(Boolean).join(": ")],
    ["Desired", (DesiredState[task.desiredState] ?? "unknown").toLowerCase()],
    ["Created", `${formatTime(task.createTime)} (${formatSince(task.createTime, nowMs)} ago)`],
    ["Restarts", `${task.restartCount}, policy ${policyText(task.spec)}`],
    ["Ports", portsText(task)],
    ["Trace", traceText(task)],
  ];
}

/** What to look for in a tool for traces. */
function traceText(task: Task): string {
  const submit = submitSpan(task);
  const { number = 1 } = task.attempt ?? {};
  const own = attemptTrace(task, number)?.traceId;
  if (!submit) return "";
  return own === submit.traceId ? submit.traceId : `${submit.traceId}, attempt ${number}: ${own}`;
}

function specFields(spec: TaskSpec | undefined): Fields {
  if (!spec) return [];
  return [
    ["Image", spec.image],
    ["Entrypoint", quoted(spec.command)],
    ["Arguments", quoted(spec.args)],
    ["Environment", Object.keys(spec.env).sort().join(", ")],
    ["Directory", oneLine(spec.workingDir)],
    ["User", oneLine(spec.user)],
    ["Labels", oneLine(formatLabels(spec.labels))],
    ["Network", (NetworkMode[spec.networkMode] ?? "unknown").toLowerCase()],
    ["Limit", [amountText(spec.limit), pidsText(spec)].filter(Boolean).join(", ")],
    ["Reserved", amountText(spec.reservation)],
    ["Startup", probeText(spec.startupProbe)],
    ["Liveness", probeText(spec.livenessProbe)],
    ["Readiness", probeText(spec.readinessProbe)],
    ["Platform", spec.platform],
    ["Scheduler", spec.scheduler],
    ...placementFields(spec),
  ];
}

/** In the words of the flags that say the same. */
function placementFields(spec: TaskSpec): Fields {
  const { constraints, affinities, spreads, taskAffinities, maxPerWorker, priority } = spec;
  const nearness = (anti: boolean) =>
    taskAffinities.filter((each) => each.anti === anti).map(nearnessText);
  return [
    ["Constraints", constraints.map(constraintText).join("; ")],
    ["Affinities", affinities.map(affinityText).join("; ")],
    ["Spread over", spreads.map(spreadText).join("; ")],
    ["Near", nearness(false).join("; ")],
    ["Apart from", nearness(true).join("; ")],
    ["Max per worker", maxPerWorker === undefined ? "" : `${maxPerWorker}`],
    ["Priority", priority === 0 ? "" : `${priority}`],
  ];
}

const affinityText = ({ constraint, weight }: Affinity): string =>
  `${constraint ? constraintText(constraint) : ""}:${weight}`;

const spreadText = ({ key, maxSkew }: Spread): string =>
  maxSkew === undefined ? key : `${key}:${maxSkew}`;

const nearnessText = ({ matchLabels, key }: TaskAffinity): string =>
  formatLabels(matchLabels) + (key === "" ? "" : `@${key}`);

const quoted = (words: readonly string[]): string =>
  words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(" ");

const pidsText = ({ limit }: TaskSpec): string =>
  limit?.pids === undefined ? "" : `${limit.pids} processes`;

function policyText(spec: TaskSpec | undefined): string {
  const policy = spec?.restartPolicy;
  const mode = (RestartMode[policy?.mode ?? RestartMode.NO] ?? "unknown").toLowerCase();
  const words = mode.replaceAll("_", "-");
  return policy?.restartsMax === undefined ? words : `${words}, at most ${policy.restartsMax}`;
}

/** Why an attempt is where it is, as it was decided. */
function placedFields(attempt: Attempt | undefined): Fields {
  const placement = attempt?.placement;
  if (!placement) return [];
  const { workerId, scheduler, runnerUps, exclusions } = placement;
  const others = runnerUps.map((other) => `${other.workerId} ${worthText(other)}`);
  return [
    ["Worker", `${workerId}, by ${scheduler} with score ${worthText(placement)}`],
    ["Assigned", assignedText(placement)],
    ["Next best", others.join(", ")],
    ["Excluded", exclusions.map(({ explanation }) => oneLine(explanation)).join("; ")],
  ];
}

type Worth = Readonly<{ score: number } & Standing>;

const worthText = (worth: Worth): string =>
  [formatScore(worth.score), standingText(worth)].filter(Boolean).join(", ");

type Standing = Readonly<{ affinity: number; lead: number }>;

/** What goes before the score. Empty where nothing does. */
export function standingText({ affinity, lead }: Standing): string {
  const parts = [
    ...(affinity === 0 ? [] : [`affinity ${affinity}`]),
    ...(lead === 0 ? [] : [`${lead} of its name there`]),
  ];
  return parts.join(", ");
}

/** Which of the worker's named things it has: `gpu: GPU-a, GPU-b`. */
export const assignedText = ({ assigned }: Placement): string =>
  Object.entries(assigned)
    .map(([name, { ids }]) => oneLine(`${name}: ${ids.join(", ")}`))
    .sort()
    .join("; ");

function attemptsText({ task, nowMs, width }: Options): string {
  const { attempt, successor, pastAttempts } = task;
  const attempts = [successor, attempt, ...pastAttempts].filter((each) => each !== undefined);
  const columns = ["NUMBER", "STATE", "WORKER", "STARTED", "ENDED", "EXIT", "DETAIL"];
  return formatWrapped(
    columns.map((title) => ({ title })),
    attempts.map((each) => attemptCells(each, nowMs)),
    { headers: true, width: width - INDENT },
  );
}

function attemptCells({ number, placement, status }: Attempt, nowMs: number): readonly string[] {
  const failure = status?.failure;
  const why = failure ? `${reasonName(failure.reason)}: ${oneLine(failure.message)}` : "";
  const ago = (time: NonNullable<typeof status>["startTime"]) =>
    time ? `${formatSince(time, nowMs)} ago` : "-";
  return [
    String(number),
    status ? stateName(status.state) : "-",
    placement?.workerId ?? "-",
    ago(status?.startTime),
    ago(status?.finishTime),
    status?.exitCode === undefined ? "-" : String(status.exitCode),
    why || (status && isUnderWay(status.state) ? oneLine(status.message) : ""),
  ];
}

/** Whether an attempt in this state does something that a message tells of. */
const isUnderWay = (state: TaskState): boolean => state !== TaskState.RUNNING && !isTerminal(state);

function eventsText({ events, colors, width }: Options): string {
  const columns = eventListing(colors).columns.filter(
    ({ title, only }) => title === "ATTEMPT" || (title !== "TASK" && only !== "wide"),
  );
  return formatWrapped(
    columns.map(({ minWidth: _, ...column }) => column),
    events.slice(-EVENTS_SHOWN).map((event) => columns.map(({ cell }) => cell(event))),
    { headers: true, width: width - INDENT },
  );
}
