import { stripVTControlCharacters } from "node:util";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { toMillis } from "../../core/time.ts";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Bytes for people, with three digits: `512 MiB`, `1.5 GiB`. */
export function formatSize(bytes: bigint | number): string {
  let value = Number(bytes);
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Thousandths of a CPU as CPUs: 1500 is `1.5`. */
export const formatCpus = (millis: bigint): string => String(Number(millis) / 1000);

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A span of time in its greatest unit, rounded down, as ages are told: `3m`. */
export function formatAge(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.max(0, Math.floor(ms / SECOND_MS))}s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)}m`;
  if (ms < 2 * DAY_MS) return `${Math.floor(ms / HOUR_MS)}h`;
  return `${Math.floor(ms / DAY_MS)}d`;
}

/** How long ago `time` was at `nowMs`. A dash where there is none. */
export const formatSince = (time: Timestamp | undefined, nowMs: number): string =>
  time ? formatAge(nowMs - toMillis(time)) : "-";

/** A point in time as RFC 3339, to the millisecond, in UTC. */
export const formatTime = (time: Timestamp | undefined): string =>
  time ? new Date(toMillis(time)).toISOString() : "-";

const LABEL_SEPARATOR = ",";

export const formatLabels = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => (value === "" ? key : `${key}=${value}`))
    .join(LABEL_SEPARATOR);

/**
 * Free text from elsewhere on one line, without what could drive the terminal:
 * a container's last words must not repaint a screen.
 */
export const oneLine = (text: string): string =>
  stripVTControlCharacters(text)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ")
    .trim();

const DIGEST_DIGITS = 12;

/** An image reference with its digest cut as people quote it. */
export const shortImage = (image: string): string =>
  image.replace(/@(sha\d+:[0-9a-f]+)$/, (_, digest: string) => {
    const colon = digest.indexOf(":");
    return `@${digest.slice(0, colon + 1 + DIGEST_DIGITS)}`;
  });
