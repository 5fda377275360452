import { parseDuration } from "./duration.ts";
import { malformed, type Parsed, parsed } from "./parsed.ts";

const DATE_TIME = /^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:\d\d)?)?$/;
const RULE = "must be a time such as 2026-01-31T12:00:00Z or an age such as 10m";

/** Reads a point in time, or an age counted back from `nowMs`, as milliseconds since the epoch. */
export function parseSince(text: string, nowMs: number): Parsed<number> {
  const age = parseDuration(text);
  if (age.kind === "parsed") return parsed(Math.max(0, nowMs - age.value));
  const ms = DATE_TIME.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) || ms < 0 ? malformed(text, RULE) : parsed(ms);
}
