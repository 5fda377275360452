import { parseDuration } from "./duration.ts";
import { malformed, type Parsed, parsed } from "./parsed.ts";
import { parseSince } from "./since.ts";

const TIME_OF_DAY = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;
const RULE =
  "must be a time such as 03:12 or 2026-01-31T12:00:00Z, or how long ago, such as 2h or -2h";

/**
 * Reads a moment of the past, as milliseconds since the epoch. A time of the day, on the user's own
 * clock, is the latest that there was: what has yet to come today was yesterday.
 */
export function parseMoment(text: string, nowMs: number): Parsed<number> {
  const [, hours, minutes, seconds = "0"] = TIME_OF_DAY.exec(text) ?? [];
  if (hours !== undefined) {
    const ofDay = [Number(hours), Number(minutes), Number(seconds)] as const;
    const today = atTimeOfDay(nowMs, 0, ofDay);
    return parsed(today <= nowMs ? today : atTimeOfDay(nowMs, 1, ofDay));
  }
  const ago = text.startsWith("-") ? parseDuration(text.slice(1)) : undefined;
  if (ago?.kind === "parsed") return parsed(Math.max(0, nowMs - ago.value));
  const moment = parseSince(text, nowMs);
  return moment.kind === "parsed" ? moment : malformed(text, RULE);
}

function atTimeOfDay(
  nowMs: number,
  daysAgo: number,
  [hours, minutes, seconds]: readonly [number, number, number],
): number {
  const day = new Date(nowMs);
  // By the calendar: a day is not always as long as another.
  day.setDate(day.getDate() - daysAgo);
  return day.setHours(hours, minutes, seconds, 0);
}
