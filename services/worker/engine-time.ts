import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";

/** A time as Go writes it: RFC 3339 with up to nine decimals and any offset. */
const ENGINE_TIME = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;

/** The year that Go writes for "never". */
const NEVER = "0001-";

/** Reads a time of the engine to the nanosecond. Undefined for Go's zero time and for what is no time. */
export function parseEngineTime(text: string): Timestamp | undefined {
  const parts = ENGINE_TIME.exec(text);
  if (!parts || text.startsWith(NEVER)) return undefined;
  const [, wholeSeconds = "", decimals = "", offset = ""] = parts;
  const ms = Date.parse(wholeSeconds + offset);
  if (Number.isNaN(ms)) return undefined;
  return create(TimestampSchema, {
    seconds: BigInt(ms / 1000),
    nanos: Number(decimals.padEnd(9, "0")),
  });
}

/** The same in milliseconds since the Unix epoch. */
export function parseEngineTimeMs(text: string): number | undefined {
  const time = parseEngineTime(text);
  return time && Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6);
}

/** A moment as the engine's `since` wants it: seconds with nine decimals. */
export function formatEngineTime(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${seconds}.${String(Math.floor(ms - seconds * 1000)).padStart(3, "0")}000000`;
}
