import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { LogEntry, LogStream } from "../gen/berth/v1/log_entry_pb.ts";
import { toMillis } from "./time.ts";

/** Joins several readings of one container's log, each of which begins with what the last one had. */
export interface LogSeam {
  /** From when on the next reading must be, to lack nothing. Undefined: from where the first was. */
  sinceMs(): number | undefined;
  /** Another reading begins, which may repeat what came before. */
  begin(): void;
  /** What of a reading's entries did not come before. */
  pass(entries: readonly LogEntry[]): readonly LogEntry[];
  /** As `pass`, of the last reading, which costs less: no other can begin after it. */
  passLast(entries: readonly LogEntry[]): readonly LogEntry[];
}

/** How far the times of a log may be out of order: its two streams get theirs apart. */
const DISORDER_MS = 1_000;

/** How far one stream has come: several entries of one time are parts of one long line. */
type Mark = { readonly time: bigint; count: number };

/**
 * Tells entries apart by their stream and time, to the nanosecond, of which a stream has one for each
 * line. What it cannot tell: a line of more than 16 KiB that is being written at the very moment when
 * the next reading begins may lose a part.
 */
export function createLogSeam(): LogSeam {
  const last = new Map<LogStream, Mark>();
  let repeated = new Map<LogStream, Mark>();
  let latestMs: number | undefined;

  function isRepeated(stream: LogStream, time: bigint): boolean {
    const mark = repeated.get(stream);
    if (!mark || time > mark.time) {
      repeated.delete(stream);
      return false;
    }
    return time < mark.time || mark.count-- > 0;
  }

  const isUnseen = ({ stream, time }: LogEntry): boolean =>
    !time || !repeated.has(stream) || !isRepeated(stream, nanosOf(time));

  function isNew({ stream, time }: LogEntry): boolean {
    if (!time) return true;
    const nanos = nanosOf(time);
    if (isRepeated(stream, nanos)) return false;
    const mark = last.get(stream);
    if (mark?.time === nanos) mark.count++;
    else last.set(stream, { time: nanos, count: 1 });
    latestMs = Math.max(latestMs ?? 0, toMillis(time));
    return true;
  }

  return {
    sinceMs: () => (latestMs === undefined ? undefined : Math.max(0, latestMs - DISORDER_MS)),
    begin() {
      repeated = new Map([...last].map(([stream, mark]) => [stream, { ...mark }]));
    },
    pass: (entries) => entries.filter(isNew),
    passLast: (entries) => (repeated.size === 0 ? entries : entries.filter(isUnseen)),
  };
}

const nanosOf = ({ seconds, nanos }: Timestamp): bigint => seconds * 1_000_000_000n + BigInt(nanos);
