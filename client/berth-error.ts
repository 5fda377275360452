import { ConnectError } from "@connectrpc/connect";
import type { FieldViolation } from "../lib/errors.ts";
import { failureOf } from "../lib/http/failure.ts";

/** Why a call failed, in the words that the HTTP side of a manager has for it. */
export class BerthError extends Error {
  override readonly name = "BerthError";
  /** The code of gRPC in small letters: `not_found`, `invalid_argument`, `unavailable`. */
  readonly code: string;
  /** What programs go by: `TASK_NOT_FOUND`, `BAD_FIELDS`. Empty when whoever failed named none. */
  readonly reason: string;
  /** Every field at fault, by its name in the contract. */
  readonly violations: readonly FieldViolation[];
  /** Values that the reason is about. */
  readonly metadata: Readonly<Record<string, string>>;
  /** After how long trying again may help, where the manager told. */
  readonly retryAfterMs: number | undefined;

  constructor(cause: ConnectError) {
    const { code, reason, message, violations, metadata, retryAfterMs } = failureOf(cause);
    super(message, { cause });
    this.code = code;
    this.reason = reason;
    this.violations = violations;
    this.metadata = metadata;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Whatever was thrown, as callers of this package see it. */
export const berthErrorOf = (error: unknown): BerthError =>
  error instanceof BerthError ? error : new BerthError(ConnectError.from(error));
