import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { reasonOf } from "../errors.ts";
import { isNotSent } from "./connection-refused.ts";

/** Reasons that Berth gives for calling another server, and whether this one has done nothing. */
const ELSEWHERE: Readonly<Record<string, "undone" | "unknown">> = {
  NOT_CONNECTED: "undone",
  CHANNEL_CLOSED: "undone",
  NOT_LEADER: "undone",
  NO_LEADER: "undone",
  NOT_READY: "undone",
  LEADERSHIP_LOST: "unknown",
  STORE_UNAVAILABLE: "unknown",
  DRAINING: "unknown",
  CUT_OFF: "unknown",
};

/** Whether another server may do better. */
export function isElsewhere(error: unknown): boolean {
  const reason = reasonOf(error);
  const { code } = ConnectError.from(error);
  return code === Code.Unavailable && (reason === undefined || reason in ELSEWHERE);
}

/** Whether a call that failed has certainly done nothing. */
export const isUndone = (error: unknown): boolean =>
  ELSEWHERE[reasonOf(error) ?? ""] === "undone" || isNotSent(error);

/** Whether the same call twice does the same as once. */
export const isRepeatable = ({ idempotency }: DescMethod, input: object): boolean =>
  idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS ||
  hasRequestId(input) ||
  ("requests" in input && Array.isArray(input.requests) && input.requests.every(hasRequestId));

const hasRequestId = (input: object): boolean =>
  "requestId" in input && typeof input.requestId === "string" && input.requestId !== "";
