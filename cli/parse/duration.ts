import { malformed, type Parsed, parsed } from "./parsed.ts";

const RULE = "must be a duration such as 10s, 1m30s, 500ms or 2h; a bare number means seconds";
const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** A hundred years. Longer is a mistake, and what fits no timer. */
const DURATION_MS_MAX = 100 * 365 * 86_400_000;

/** Reads a span of time as milliseconds. */
export function parseDuration(text: string): Parsed<number> {
  const ms = /^\d{1,15}$/.test(text) ? Number(text) * 1000 : sumOfUnits(text);
  if (ms === undefined) return malformed(text, RULE);
  return ms <= DURATION_MS_MAX ? parsed(ms) : malformed(text, "must be at most a hundred years");
}

function sumOfUnits(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d{1,15}(?:\.\d{1,3})?)(ms|[smhd])/gy)];
  const length = parts.reduce((sum, [whole]) => sum + whole.length, 0);
  if (parts.length === 0 || length !== text.length) return undefined;
  return Math.round(
    parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (UNIT_MS[unit] ?? 0), 0),
  );
}
