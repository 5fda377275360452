import { Code, ConnectError } from "@connectrpc/connect";
import { reasonOf } from "../../errors.ts";
import { isRefused } from "../../rpc/connection-refused.ts";
import { StoreError } from "../store.ts";

/**
 * What is known of a request that failed. `unsent`: it never left. `refused`: etcd answered that it
 * did not do it. `unknown`: it may have been done, or may yet be.
 */
export type Fate = "unsent" | "refused" | "unknown";

/** etcd says so before it does anything. */
const REFUSALS = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.PermissionDenied,
  Code.ResourceExhausted,
  Code.FailedPrecondition,
  Code.OutOfRange,
  Code.Unimplemented,
  Code.Unauthenticated,
]);

/** Refusals that somebody can put right while this process runs: space, rights, a password. */
const CURABLE = new Set([Code.ResourceExhausted, Code.PermissionDenied, Code.Unauthenticated]);

export function fateOf(error: unknown): Fate {
  if (reasonOf(error) === "NOT_CONNECTED" || isRefused(error)) return "unsent";
  return REFUSALS.has(ConnectError.from(error).code) ? "refused" : "unknown";
}

/** Whether another endpoint, or the same one later, may answer better. */
export const mayHelpToRepeat = (error: unknown): boolean =>
  !(error instanceof StoreError) && fateOf(error) !== "refused" && !isClosed(error);

const isClosed = (error: unknown): boolean => reasonOf(error) === "CHANNEL_CLOSED";

/** A failed call as the store's caller sees it: etcd's own words, and what to do. */
export function storeErrorOf(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  if (isClosed(error)) return new StoreError("the client of etcd is closed", { cause: error });
  const { code, rawMessage } = ConnectError.from(error);
  if (CURABLE.has(code))
    return unavailable(`etcd refused: ${rawMessage}${remedyOf(rawMessage)}`, error);
  if (fateOf(error) === "refused")
    return new StoreError(`etcd refused: ${rawMessage}`, { cause: error });
  return unavailable(`etcd is out of reach: ${rawMessage}`, error);
}

export const unavailable = (message: string, cause?: unknown): StoreError =>
  new StoreError(message, { kind: "unavailable", cause });

const remedyOf = (message: string): string =>
  message.includes("space exceeded")
    ? ": compact and defragment it, then `etcdctl alarm disarm`"
    : "";

/** Whether an answer was larger than our side takes; grpc-js tells it in words only. */
export function isTooLarge(error: unknown): boolean {
  const { code, rawMessage } = causeOf(error);
  return code === Code.ResourceExhausted && rawMessage.startsWith("Received message larger than");
}

/** Whether the revision to read at is no longer kept. */
export const isCompacted = (error: unknown): boolean => causeOf(error).code === Code.OutOfRange;

/** Whether a transaction was longer than etcd takes. */
export const isTooManyOperations = (error: unknown): boolean =>
  causeOf(error).rawMessage.includes("too many operations");

/** Whether a write named a lease that has ended: nothing else that is written can be missing. */
export const isLeaseGone = (error: unknown): boolean => causeOf(error).code === Code.NotFound;

const causeOf = (error: unknown): ConnectError =>
  ConnectError.from(error instanceof StoreError ? error.cause : error);
