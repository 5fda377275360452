import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

/** Milliseconds since the Unix epoch as a Timestamp. Written out: there are several in every change. */
export const toTimestamp = (ms: number): Timestamp => ({
  $typeName: "google.protobuf.Timestamp",
  seconds: BigInt(Math.floor(ms / 1000)),
  nanos: Math.floor((((ms % 1000) + 1000) % 1000) * 1e6),
});

/** Makes a Timestamp, in place, say what another does. */
export function copyTime(to: Timestamp, from: Timestamp): void {
  // Nanoseconds are under a second: what is the same need not be kept twice.
  if (to.seconds !== from.seconds) to.seconds = from.seconds;
  to.nanos = from.nanos;
}

export const toMillis = (time: Timestamp | Duration): number =>
  Number(time.seconds) * 1000 + time.nanos / 1e6;
