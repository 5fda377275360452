import { Code, ConnectError } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { type FieldViolation, retryMsOf } from "../errors.ts";
import { MESSAGE_CHARS_MAX } from "../rpc/limits.ts";

/** More fields at fault are not told. */
const VIOLATIONS_MAX = 100;

/** The status of an answer for each code of gRPC. The only such map. */
const statusOfCode: Readonly<Record<Code, number>> = {
  [Code.Canceled]: 499,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 409,
  [Code.Aborted]: 409,
  // Berth says so of what is no longer kept.
  [Code.OutOfRange]: 410,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};

export const httpStatusOf = (code: Code): number => statusOfCode[code];

/** Why a request that is no call is refused: its reason, with the status and the code it has. */
const refusals = {
  NO_ROUTE: { status: 404, code: Code.NotFound },
  METHOD_NOT_ALLOWED: { status: 405, code: Code.Unimplemented },
  BODY_TOO_LARGE: { status: 413, code: Code.ResourceExhausted },
  BODIES_TOO_LARGE: { status: 503, code: Code.Unavailable },
  BODY_NOT_EXPECTED: { status: 400, code: Code.InvalidArgument },
  BODY_NOT_JSON: { status: 415, code: Code.InvalidArgument },
  CROSS_ORIGIN: { status: 403, code: Code.PermissionDenied },
} as const;

/** An error as JSON has it. */
export type Failure = Readonly<{
  /** The status of the answer. */
  status: number;
  /** The code of gRPC, in Connect's spelling. */
  code: string;
  /** What programs go by. Empty when whoever failed named none. */
  reason: string;
  message: string;
  violations: readonly FieldViolation[];
  /** Values that the reason is about. */
  metadata: Readonly<Record<string, string>>;
  /** After how long trying again may help. */
  retryAfterMs?: number;
}>;

/** A request that is refused before it is a call. */
export class RefusedError extends Error {
  readonly reason: keyof typeof refusals;
  readonly headers: Readonly<Record<string, string>>;

  constructor(reason: keyof typeof refusals, message: string, headers = {}) {
    super(message);
    this.reason = reason;
    this.headers = headers;
  }
}

export function failureOf(error: unknown): Failure {
  if (error instanceof RefusedError) return refusalOf(error);
  const failed = ConnectError.from(error);
  const [info] = failed.findDetails(ErrorInfoSchema);
  const retryAfterMs = retryMsOf(failed);
  return {
    status: httpStatusOf(failed.code),
    code: codeToString(failed.code),
    reason: info?.reason ?? "",
    message: failed.rawMessage.slice(0, MESSAGE_CHARS_MAX),
    violations: violationsOf(failed).slice(0, VIOLATIONS_MAX),
    metadata: info?.metadata ?? {},
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

function refusalOf({ reason, message }: RefusedError): Failure {
  const { status, code } = refusals[reason];
  return { status, code: codeToString(code), reason, message, violations: [], metadata: {} };
}

const violationsOf = (error: ConnectError): FieldViolation[] =>
  error
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) => fieldViolations)
    .map(({ field, description }) => ({ field, description }));
