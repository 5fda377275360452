import pc from "picocolors";
import { type LogEntry, LogStream } from "../gen/berth/v1/log_entry_pb.ts";
import type { LogWarning, StreamTaskLogsResponse } from "../gen/berth/v1/manager_service_pb.ts";
import { areColorsWanted, type Paint } from "./output/colors.ts";
import { formatTime, oneLine } from "./output/format.ts";
import { printLine, type Terminal } from "./terminal.ts";

export type LogStyle = Readonly<{
  timestamps: boolean;
  /** Whether each line begins with the task that wrote it. */
  prefix: boolean;
}>;

/** Where an output stands: in the middle of whose line, if of any. */
type Place = { openKey: string | undefined };

/** What ends the line that was begun. */
const endOf = ({ openKey }: Place): string => (openKey === undefined ? "" : "\n");

const NEWLINE = "\n".charCodeAt(0);

/**
 * Prints what tasks' containers write, each of their streams to the same one of ours: of one task
 * byte for byte, of several a line at a time, each with its task before it.
 */
export function createLogPrinter(terminal: Terminal, { timestamps, prefix }: LogStyle) {
  const titleOf = prefix ? createTitles(terminal) : () => "";
  const out: Place = { openKey: undefined };
  // On a screen the two are one.
  const err: Place = prefix && terminal.isTty ? out : { openKey: undefined };

  const stampOf = ({ time }: LogEntry) => (timestamps ? `${formatTime(time)} ` : "");

  function print(answer: StreamTaskLogsResponse, entry: LogEntry): void {
    const isError = entry.stream === LogStream.STDERR;
    const [output, place] = isError ? [terminal.stderr, err] : [terminal.stdout, out];
    const key = `${answer.taskId} ${answer.attempt} ${entry.stream}`;
    if (place.openKey !== key) output.write(endOf(place) + titleOf(answer) + stampOf(entry));
    output.write(entry.data);
    place.openKey = entry.data.at(-1) === NEWLINE ? undefined : key;
  }

  function warn({ taskId, taskName }: StreamTaskLogsResponse, warning: LogWarning): void {
    terminal.stderr.write(endOf(err));
    err.openKey = undefined;
    const again = warning.isRetried ? "; trying again" : "";
    const who = taskName === "" ? taskId : `${taskName} (${taskId})`;
    printLine(terminal.stderr, `warning: ${who}: ${oneLine(warning.message)}${again}`);
  }

  return (answer: StreamTaskLogsResponse): void => {
    if (answer.warning) warn(answer, answer.warning);
    for (const entry of answer.entries) print(answer, entry);
  };
}

type Titled = Pick<StreamTaskLogsResponse, "taskId" | "taskName">;

/** As many characters of an ID as tell tasks of one name apart. */
const ID_END_LENGTH = 6;

/** The beginning of a task's lines: its colour and its name, under which the others' are set. */
function createTitles(terminal: Terminal): (who: Titled) => string {
  const { cyan, yellow, green, magenta, blue, red } = pc.createColors(areColorsWanted(terminal));
  const paints: readonly Paint[] = [cyan, yellow, green, magenta, blue, red];
  const paintOf = new Map<string, Paint>();
  let width = 0;
  return ({ taskId, taskName }) => {
    const known = paintOf.get(taskId);
    const paint = known ?? (paints[paintOf.size % paints.length] as Paint);
    if (!known) paintOf.set(taskId, paint);
    const name = taskName === "" ? taskId : `${taskName} ${taskId.slice(-ID_END_LENGTH)}`;
    width = Math.max(width, name.length);
    return paint(`${name.padEnd(width)} | `);
  };
}
