import type { Log, LogFields } from "../lib/log.ts";

/** What happened, for a person who wants to know why a seed failed. */
export interface Trace {
  readonly lines: readonly string[];
  note(who: string, text: string): void;
  logOf(who: string): Log;
}

/** Lines that are kept: the end of a story is what explains it. */
const LINES_MAX = 20_000;

/** `isDetailed`: keeps what services log as well, which costs more time than all else. */
export function createTrace(nowMs: () => number, isDetailed: boolean): Trace {
  const lines: string[] = [];

  function note(who: string, text: string): void {
    lines.push(`${nowMs().toFixed(1).padStart(10)} ${who.padEnd(10)} ${text}`);
    if (lines.length > LINES_MAX) lines.splice(0, LINES_MAX / 10);
  }

  function createLog(who: string, bound: LogFields): Log {
    const at = (level: string) => (fields: LogFields, message: string) => {
      if (isDetailed) note(who, `${level} ${message} ${textOf({ ...bound, ...fields })}`);
    };
    return {
      error: at("error"),
      warn: at("warn"),
      info: at("info"),
      debug: at("debug"),
      child: (fields) => createLog(who, { ...bound, ...fields }),
    };
  }

  return { lines, note, logOf: (who) => createLog(who, {}) };
}

const textOf = (fields: LogFields): string => JSON.stringify(fields, plainly);

const plainly = (_: string, value: unknown) => {
  if (typeof value === "bigint") return String(value);
  return value instanceof Error ? value.message : value;
};
