import type { Log, LogFields } from "../../lib/log.ts";

/** Lines that are kept to explain a failure. */
const LINES_MAX = 400;

/** Remembers what services last logged, oldest first. */
export function createEventRecorder() {
  const lines: string[] = [];
  const bugs: unknown[] = [];

  const note = (level: string, fields: LogFields, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields, plainly)}`);
    if (lines.length > LINES_MAX) lines.shift();
  };

  const createLog = (bound: LogFields): Log => {
    const at = (level: string) => (fields: LogFields, message: string) =>
      note(level, { ...bound, ...fields }, message);
    return {
      error: at("error"),
      warn: at("warn"),
      info: at("info"),
      // Calls and placements by the hundred: what they led to is told as well.
      debug: () => undefined,
      child: (fields) => createLog({ ...bound, ...fields }),
    };
  };

  return {
    lines,
    /** What made a part end that nobody had asked to. */
    bugs,
    note,
    logOf: (part: string) => createLog({ part }),
  };
}

const plainly = (_: string, value: unknown) => {
  if (typeof value === "bigint") return String(value);
  return value instanceof Error ? value.message : value;
};
