import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb.ts";

/** The domain of every ErrorInfo reason that Berth makes (AIP-193). */
const ERROR_DOMAIN = "berth.dev";

/** A field that is not as it must be: its path, and a sentence with the value and the remedy. */
export type FieldViolation = Readonly<{ field: string; description: string }>;

type Options = Readonly<{
  /** Values that the reason is about, for programs. */
  metadata?: Readonly<Record<string, string>>;
  /** After how long trying again may help. */
  retryMs?: number;
  cause?: unknown;
}>;

/** The caller sent something malformed. Names every bad field. */
export function invalidFields(violations: readonly FieldViolation[]): ConnectError {
  const summary = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return new ConnectError(summary, Code.InvalidArgument, undefined, [
    { desc: BadRequestSchema, value: { fieldViolations: violations.map((v) => ({ ...v })) } },
    { desc: ErrorInfoSchema, value: { reason: "BAD_FIELDS", domain: ERROR_DOMAIN } },
  ]);
}

/** An error with a machine-readable UPPER_SNAKE `reason`. */
function failure(code: Code, reason: string, message: string, options: Options = {}): ConnectError {
  const info = { reason, domain: ERROR_DOMAIN, metadata: { ...options.metadata } };
  const retry = options.retryMs === undefined ? [] : [retryInfo(options.retryMs)];
  const details = [{ desc: ErrorInfoSchema, value: info }, ...retry];
  return new ConnectError(message, code, undefined, details, options.cause);
}

const retryInfo = (retryMs: number) => ({
  desc: RetryInfoSchema,
  value: {
    retryDelay: { seconds: BigInt(Math.floor(retryMs / 1000)), nanos: (retryMs % 1000) * 1e6 },
  },
});

export const notFound = (kind: string, id: string) =>
  failure(Code.NotFound, `${kind.toUpperCase()}_NOT_FOUND`, `${kind} ${id} does not exist`, {
    metadata: { id },
  });

/** The request is well formed but the thing it names is in the wrong state for it. */
export const wrongState = (reason: string, message: string, options?: Options) =>
  failure(Code.FailedPrecondition, reason, message, options);

/** What the caller went by has changed since: it has to begin anew. */
export const aborted = (reason: string, message: string, options?: Options) =>
  failure(Code.Aborted, reason, message, options);

/** The thing exists already and is not the caller's. */
export const alreadyExists = (reason: string, message: string, options?: Options) =>
  failure(Code.AlreadyExists, reason, message, options);

/** Something needed is out of reach or shutting down; trying again may help. */
export const unavailable = (reason: string, message: string, options?: Options) =>
  failure(Code.Unavailable, reason, message, options);

/** A queue or a quota is full. */
export const exhausted = (reason: string, message: string, options?: Options) =>
  failure(Code.ResourceExhausted, reason, message, options);

/** A policy says no. */
export const denied = (reason: string, message: string, options?: Options) =>
  failure(Code.PermissionDenied, reason, message, options);

/** The history asked for is no longer kept. */
export const compacted = (message: string) => failure(Code.OutOfRange, "COMPACTED", message);

/** The time asked about lies before what is kept, of which `earliest` is the first moment. */
export const pastNotKept = (message: string, earliest: string) =>
  failure(Code.OutOfRange, "PAST_NOT_KEPT", message, { metadata: { earliest_time: earliest } });

/** Time ran out. */
export const timedOut = (reason: string, message: string, options?: Options) =>
  failure(Code.DeadlineExceeded, reason, message, options);

/** The caller left before the answer. */
export const cancelled = (message: string, options?: Options) =>
  failure(Code.Canceled, "CANCELLED", message, options);

/** A bug, told to the caller without its particulars: `incident` finds them in the log. */
export const internal = (incident: string, cause: unknown) =>
  failure(Code.Internal, "INTERNAL", `internal error, see incident ${incident} in the log`, {
    metadata: { incident },
    cause,
  });

/** The UPPER_SNAKE reason an error carries, if Berth made it. */
export const reasonOf = (error: unknown): string | undefined =>
  ConnectError.from(error)
    .findDetails(ErrorInfoSchema)
    .find(({ domain }) => domain === ERROR_DOMAIN)?.reason;

/** After how long trying again may help, where the error tells. */
export function retryMsOf(error: unknown): number | undefined {
  const [info] = ConnectError.from(error).findDetails(RetryInfoSchema);
  const delay = info?.retryDelay;
  return delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6;
}

/** Whether the same call may succeed later. The one place that decides it. */
export function isRetryable(error: unknown): boolean {
  const { code } = ConnectError.from(error);
  return code === Code.Unavailable || code === Code.ResourceExhausted;
}
