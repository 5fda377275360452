import { create } from "@bufbuild/protobuf";
import { type CrashLine, CrashLineSchema } from "../../gen/berth/v1/crash_report_pb.ts";
import type { LogEntry, LogStream } from "../../gen/berth/v1/log_entry_pb.ts";

/** The last lines of a log that is read from its beginning, or from somewhere near its end. */
export interface LastLines {
  add(entries: readonly LogEntry[]): void;
  /** What there is: the oldest first. */
  end(): Readonly<{ lines: readonly CrashLine[]; hasEarlierLines: boolean }>;
}

export const LINES_MAX = 30;
export const LINES_BYTES_MAX = 6 * 1024;
export const LINE_BYTES_MAX = 1024;

const NEWLINE = 0x0a;

type Open = Readonly<{ entry: LogEntry; parts: readonly Uint8Array[]; size: number }>;

/** Keeps no more than it will tell, however much is added: a line's beginning, the lines' end. */
export function createLastLines(): LastLines {
  /** Lines of which the end has not come, by stream. */
  const open = new Map<LogStream, Open>();
  let lines: CrashLine[] = [];
  let bytes = 0;
  let hasEarlierLines = false;

  function finish({ entry, parts }: Open): void {
    const { stream, time } = entry;
    const text = textOf(Buffer.concat(parts));
    lines.push(create(CrashLineSchema, { stream, text, ...(time && { time }) }));
    bytes += sizeOf(text);
    while (lines.length > LINES_MAX || bytes > LINES_BYTES_MAX) {
      bytes -= sizeOf(lines.shift()?.text ?? "");
      hasEarlierLines = true;
    }
  }

  function take(entry: LogEntry): void {
    const { stream, data } = entry;
    const before = open.get(stream) ?? { entry, parts: [], size: 0 };
    const part = data.subarray(0, LINE_BYTES_MAX - before.size);
    const line = {
      entry: before.entry,
      parts: part.length === 0 ? before.parts : [...before.parts, part],
      size: before.size + part.length,
    };
    if (data.at(-1) === NEWLINE) {
      open.delete(stream);
      finish(line);
    } else open.set(stream, line);
  }

  return {
    add: (entries) => entries.forEach(take),
    end() {
      for (const line of open.values()) finish(line);
      open.clear();
      const told = lines;
      lines = [];
      return { lines: told, hasEarlierLines };
    },
  };
}

/** What a line takes in a message beside its text: its stream, its time and their marks. */
const LINE_BYTES = 24;

const sizeOf = (text: string): number => Buffer.byteLength(text) + LINE_BYTES;

/** Bytes that are no UTF-8 are replaced, by three each: so the text is cut, not only the bytes. */
function textOf(data: Buffer): string {
  const text = decode(data).replace(/\r?\n$/, "");
  return Buffer.byteLength(text) <= LINE_BYTES_MAX
    ? text
    : decode(Buffer.from(text).subarray(0, LINE_BYTES_MAX));
}

/** Without a character that was cut in two. */
const decode = (data: Buffer): string => new TextDecoder().decode(data, { stream: true });
