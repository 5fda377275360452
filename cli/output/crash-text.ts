import { toMillis } from "../../core/time.ts";
import type { CrashLine, CrashReport, GoodRun } from "../../gen/berth/v1/crash_report_pb.ts";
import { LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import type { Colors } from "./colors.ts";
import { formatAge, formatSince, formatSize, formatTime, oneLine } from "./format.ts";
import { formatWrapped } from "./wrap.ts";

type Options = Readonly<{
  colors: Colors;
  nowMs: number;
  /** Of the screen: nothing is wider, and nothing is cut. */
  width: number;
}>;

/** A crash report as part of a page: a title, and all that is known below it. */
export function crashText(report: CrashReport, options: Options): string {
  const { attempt, workerId, finishTime } = report;
  const place = workerId === "" ? "" : ` on ${workerId}`;
  const title = `Crash report of attempt ${attempt}${place}, ${formatSince(finishTime, options.nowMs)} ago`;
  const rows = [
    ...factRows(report, options),
    ...usageRows(report),
    ...changeRows(report, options),
    ...lineRows(report, options),
  ];
  const body = formatWrapped([{ title: "" }, { title: "" }], rows, {
    headers: false,
    width: options.width - INDENT.length,
  });
  return `${title}\n${body.replace(/^(?=.)/gm, INDENT)}`;
}

const INDENT = "  ";

type Rows = readonly (readonly [name: string, value: string])[];

function factRows(report: CrashReport, { colors }: Options): Rows {
  const { cause, exitCode, startTime, finishTime, probeMessage, evidenceNote } = report;
  const ranMs = startTime && finishTime ? toMillis(finishTime) - toMillis(startTime) : undefined;
  const rows: Rows = [
    ["Cause", colors.bad(oneLine(cause))],
    ["Exit code", exitCode === undefined ? "" : String(exitCode)],
    ["Ran for", ranMs === undefined ? "" : `${formatAge(ranMs)}, until ${formatTime(finishTime)}`],
    ["Probe said", oneLine(probeMessage)],
    ["No evidence", oneLine(evidenceNote)],
  ];
  return rows.filter(([, value]) => value !== "");
}

/** Blocks of growing height: what was used, drawn. */
const BLOCKS = "▁▂▃▄▅▆▇█";

const barsOf = (values: readonly number[], most: number): string =>
  values
    .map((value) => BLOCKS[Math.min(7, Math.floor((8 * value) / Math.max(most, 1)))] ?? "")
    .join("");

/** The last minute: against the limit where there is one, else against the most that was seen. */
function usageRows({ evidence, memoryLimitBytes }: CrashReport): Rows {
  const { usage = [], usageNote = "" } = evidence ?? {};
  const [first, last] = [usage[0], usage.at(-1)];
  if (!first?.time || !last?.time)
    return usageNote === "" ? [] : [["Usage", `unknown: ${oneLine(usageNote)}`]];
  const memory = usage.map(({ memoryBytes }) => Number(memoryBytes));
  const cpu = usage.map(({ cpuPercent }) => cpuPercent);
  const limit = Number(memoryLimitBytes);
  const seen = `at most ${formatSize(Math.max(...memory))}, last ${formatSize(last.memoryBytes)}`;
  const most = limit === 0 ? seen : `${seen}, limit ${formatSize(limit)}`;
  const spanMs = toMillis(last.time) - toMillis(first.time);
  return [
    ["Memory", `${barsOf(memory, limit || Math.max(...memory))} ${most}`],
    ["CPU", `${barsOf(cpu, Math.max(100, ...cpu))} ${cpuWords(cpu)}, in ${formatAge(spanMs)}`],
  ];
}

const cpuWords = (cpu: readonly number[]): string =>
  `at most ${Math.max(...cpu).toFixed(0)}%, last ${cpu.at(-1)?.toFixed(0)}%`;

function changeRows(report: CrashReport, { nowMs }: Options): Rows {
  const { goodRun, changes, changesLeftOut } = report;
  if (!goodRun) return [["Changed", "unknown: nothing of this name is known to have run well"]];
  const more = changesLeftOut === 0 ? [] : [`and ${changesLeftOut} more`];
  const told = changes.map(
    ({ path, before, after }) => `${path}: ${valueText(before)} → ${valueText(after)}`,
  );
  const lines = told.length === 0 ? ["nothing that Berth knows of"] : [...told, ...more];
  return [
    ["Ran well", goodRunText(goodRun, report, nowMs)],
    ["Changed", lines.join("\n")],
  ];
}

const valueText = (value: string): string => (value === "" ? "(not set)" : oneLine(value));

function goodRunText(goodRun: GoodRun, { taskId, attempt }: CrashReport, nowMs: number): string {
  const { startTime, finishTime, workerId } = goodRun;
  const isItself = goodRun.taskId === taskId && goodRun.attempt === attempt;
  const ranMs = startTime && (finishTime ? toMillis(finishTime) : nowMs) - toMillis(startTime);
  const span = ranMs === undefined ? "" : ` for ${formatAge(ranMs)}`;
  if (isItself) return `this very attempt,${span} before it ended`;
  const whose = goodRun.taskId === taskId ? "" : ` of task ${goodRun.taskId}`;
  const end = finishTime ? `until ${formatSince(finishTime, nowMs)} ago` : "and still runs";
  return `attempt ${goodRun.attempt}${whose} on ${workerId}${span}, ${end}`;
}

function lineRows({ evidence }: CrashReport, options: Options): Rows {
  if (!evidence) return [];
  const { lines, linesNote, hasEarlierLines } = evidence;
  if (lines.length === 0) return [["Last lines", `none: ${oneLine(linesNote)}`]];
  const told = lines.map((line) => lineText(line, options));
  return [["Last lines", [...(hasEarlierLines ? ["…"] : []), ...told].join("\n")]];
}

/** What went to standard error is marked, as colours are not for everybody. */
function lineText({ stream, text, time }: CrashLine, { colors }: Options): string {
  const clock = time ? `${formatTime(time).slice(CLOCK_AT, CLOCK_END)} ` : "";
  const words = oneLine(text);
  return stream === LogStream.STDERR ? `${clock}! ${colors.moving(words)}` : `${clock}| ${words}`;
}

/** Where the time of day is in a time: to the millisecond. */
const CLOCK_AT = "2026-01-01T".length;
const CLOCK_END = "2026-01-01T00:00:00.000".length;
