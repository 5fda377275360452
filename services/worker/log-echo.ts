import { type LogEntry, LogStream } from "../../gen/berth/v1/log_entry_pb.ts";

/** How many of a stream's latest lines are known again. An engine repeats a handful. */
const KNOWN_MAX = 4_096;

const NEWLINE = "\n".charCodeAt(0);

/**
 * Leaves out what an engine says twice: Docker, when it changes the file of a log that is followed,
 * sends the last lines of the old one again (seen with 20.10). A repetition goes back in time, to a
 * time that was there to the nanosecond. A clock that was set back is no repetition.
 */
export function createEchoFilter(): (entries: readonly LogEntry[]) => readonly LogEntry[] {
  const streams = new Map([LogStream.STDOUT, LogStream.STDERR].map((s) => [s, createMemory()]));
  return (entries) => entries.filter((entry) => !streams.get(entry.stream)?.isEcho(entry));
}

/** What is known of one stream. */
function createMemory() {
  const known = new Set<bigint>();
  let last = -1n;
  let isRepeating = false;
  /** Whether the last line is complete. If not, its rest has the same time. */
  let isComplete = false;

  function remember(nanos: bigint, data: Uint8Array): void {
    [last, isComplete] = [nanos, data.at(-1) === NEWLINE];
    known.add(nanos);
    for (const oldest of known) {
      if (known.size <= KNOWN_MAX) return;
      known.delete(oldest);
    }
  }

  return {
    isEcho({ time, data }: LogEntry): boolean {
      if (!time) return false;
      const nanos = time.seconds * 1_000_000_000n + BigInt(time.nanos);
      const isKnown =
        nanos < last ? known.has(nanos) : nanos === last && (isRepeating || isComplete);
      isRepeating = isKnown;
      if (!isKnown) remember(nanos, data);
      return isKnown;
    },
  };
}
