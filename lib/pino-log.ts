import { pino } from "pino";
import type { Log, LogLevel } from "./log.ts";

/** Names under which secrets travel. Never printed, whatever logs them. */
const REDACTED = ["env", "*.env", "authorization", "*.authorization", "token", "*.token"];

/** Writes JSON lines to the file descriptor `fd`; stderr, so that stdout stays the user's. */
export function createLog(level: LogLevel, fd = 2): Log {
  return pino({ level, redact: REDACTED }, pino.destination({ fd, sync: true }));
}
