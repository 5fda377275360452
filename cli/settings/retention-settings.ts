import {
  EVENTS_MAX,
  EVENTS_MIN,
  FINISHED_MS_MIN,
  REMOVED_MAX,
  RETENTION_DEFAULT,
} from "../../core/retention.ts";
import { parseDuration } from "../parse/duration.ts";
import { malformed, type Parsed, parsed } from "../parse/parsed.ts";
import { type Setting, single } from "./setting.ts";

const keepFinished: Setting<number> = single({
  name: "keep-finished",
  valueName: "time",
  help: "how long a finished task is kept, or forever",
  parseText: parseKeepFinished,
  fallback: RETENTION_DEFAULT.finishedMs,
  fallbackText: `${RETENTION_DEFAULT.finishedMs / 3_600_000}h`,
});

function parseKeepFinished(word: string): Parsed<number> {
  if (word === "forever") return parsed(Number.POSITIVE_INFINITY);
  const span = parseDuration(word);
  if (span.kind === "malformed" || span.value >= FINISHED_MS_MIN) return span;
  return malformed(word, `must be forever or at least ${FINISHED_MS_MIN / 1000}s`);
}

const keepEvents: Setting<number> = single({
  name: "keep-events",
  valueName: "number",
  help: "how many of its latest events each task keeps",
  parseText: (word) => {
    const count = /^\d{1,9}$/.test(word) ? Number(word) : Number.NaN;
    return count >= EVENTS_MIN && count <= EVENTS_MAX
      ? parsed(count)
      : malformed(word, `must be a whole number from ${EVENTS_MIN} to ${EVENTS_MAX}`);
  },
  fallback: RETENTION_DEFAULT.eventsMax,
  fallbackText: String(RETENTION_DEFAULT.eventsMax),
});

const keepHistory: Setting<number> = single({
  name: "keep-history",
  valueName: "time",
  help: "how long a removed task is kept for questions about the past, or forever",
  parseText: (word) =>
    word === "forever" ? parsed(Number.POSITIVE_INFINITY) : parseDuration(word),
  fallback: RETENTION_DEFAULT.historyMs,
  fallbackText: `${RETENTION_DEFAULT.historyMs / 3_600_000}h`,
});

const keepRemoved: Setting<number> = single({
  name: "keep-removed",
  valueName: "number",
  help: "how many of the latest removed tasks are kept for that at most",
  parseText: (word) => {
    const count = /^\d{1,9}$/.test(word) ? Number(word) : Number.NaN;
    return count <= REMOVED_MAX
      ? parsed(count)
      : malformed(word, `must be a whole number from 0 to ${REMOVED_MAX}`);
  },
  fallback: RETENTION_DEFAULT.removedMax,
  fallbackText: String(RETENTION_DEFAULT.removedMax),
});

/** How long a manager keeps what is over. */
export const retentionShape = { keepFinished, keepEvents, keepHistory, keepRemoved };
