import { Code, ConnectError } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { pino } from "pino";
import { reasonOf } from "./errors.ts";
import type { Log, LogLevel } from "./log.ts";
import { withoutPasswords } from "./passwords.ts";

/** Names under which secrets travel. Never printed, whatever logs them. */
const SECRETS = ["args", "authorization", "command", "env", "headers", "password", "token"];

const REDACTED = SECRETS.flatMap((name) => [name, `*.${name}`]);

/** Writes JSON lines to the file descriptor `fd`; stderr, so that stdout stays the user's. */
export function createLog(level: LogLevel, fd = 2): Log {
  const serializers = { err: (error: unknown) => describe(error, CAUSES_MAX) };
  return pino({ level, redact: REDACTED, serializers }, pino.destination({ fd, sync: true }));
}

/** Codes of what is somebody's bug, where it matters how it came about. */
const BUGS: readonly Code[] = [Code.Internal, Code.Unknown, Code.DataLoss];

/** Causes of causes that are told. */
const CAUSES_MAX = 4;

/**
 * What tells errors apart, and nothing else that hangs on them: details with whole descriptors,
 * requests with their headers. Bad weather has no stack: it says nothing there, and is costly just
 * when there is much of it, as names of sources have to be looked up for each line.
 */
function describe(error: unknown, causesMax: number): unknown {
  if (!(error instanceof Error)) return withoutPasswords(String(error));
  const isWeather = error instanceof ConnectError && !BUGS.includes(error.code);
  const { cause } = error;
  return {
    type: error.name,
    message: withoutPasswords(error.message),
    ...codesOf(error),
    ...(isWeather ? {} : { stack: withoutPasswords(error.stack ?? "") }),
    ...(cause !== undefined && causesMax > 0 && { cause: describe(cause, causesMax - 1) }),
  };
}

/** Of a call that failed, and of an error of the system such as ECONNREFUSED. */
function codesOf(error: Error): Readonly<Record<string, unknown>> {
  if (error instanceof ConnectError) {
    const reason = reasonOf(error);
    const code = codeToString(error.code).toUpperCase();
    return { code, ...(reason !== undefined && { reason }) };
  }
  return "code" in error && typeof error.code === "string" ? { code: error.code } : {};
}
