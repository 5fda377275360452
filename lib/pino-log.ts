import { Code, ConnectError } from "@connectrpc/connect";
import { pino } from "pino";
import { reasonOf } from "./errors.ts";
import type { Log, LogLevel } from "./log.ts";

/** Names under which secrets travel. Never printed, whatever logs them. */
const REDACTED = ["env", "*.env", "authorization", "*.authorization", "token", "*.token"];

/** Writes JSON lines to the file descriptor `fd`; stderr, so that stdout stays the user's. */
export function createLog(level: LogLevel, fd = 2): Log {
  const serializers = { err: describe };
  return pino({ level, redact: REDACTED, serializers }, pino.destination({ fd, sync: true }));
}

/** Codes of what is somebody's bug, where it matters how it came about. */
const BUGS: readonly Code[] = [Code.Internal, Code.Unknown, Code.DataLoss];

/**
 * Bad weather has no stack: it says nothing there, and is costly just when there is much of it, as
 * names of sources have to be looked up for each line.
 */
function describe(error: unknown): unknown {
  if (!(error instanceof ConnectError) || BUGS.includes(error.code))
    return error instanceof Error ? pino.stdSerializers.err(error) : error;
  const { name, message, cause } = error;
  const because = cause === undefined ? {} : { cause: String(cause) };
  return { type: name, message, reason: reasonOf(error), ...because };
}
