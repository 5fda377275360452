import { create } from "@bufbuild/protobuf";
import { type Duration, type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";

/** Milliseconds since the Unix epoch as a Timestamp. */
export const toTimestamp = (ms: number): Timestamp =>
  create(TimestampSchema, {
    seconds: BigInt(Math.floor(ms / 1000)),
    nanos: Math.floor((((ms % 1000) + 1000) % 1000) * 1e6),
  });

export const toMillis = (time: Timestamp | Duration): number =>
  Number(time.seconds) * 1000 + time.nanos / 1e6;
