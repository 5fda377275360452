import { type ContextValues, createContextKey } from "@connectrpc/connect";
import type { Log } from "../log.ts";
import { parseTraceparent, TRACEPARENT, type TraceContext } from "../trace/trace-context.ts";

/** What ties a call to others: in logs, and in traces. */
export type CallTags = Readonly<{
  /** What its caller calls the request. */
  requestId?: string | undefined;
  /** The span that answers it, or else the one that its caller named. */
  trace?: TraceContext | undefined;
}>;

const NONE: CallTags = {};

const key = createContextKey(NONE, { description: "what ties the call to others" });

export const setCallTags = (values: ContextValues, tags: CallTags): unknown =>
  values.set(key, tags);

export const callTagsOf = (values: ContextValues): CallTags => values.get(key);

/** Metadata by which a caller names a request, and gets the name back. */
export const REQUEST_ID = "x-request-id";

/** As `request_id` of a request is. */
const REQUEST_ID_FORM = /^[!-~][ -~]{0,127}$/;

/** The name of a request: from its metadata, else from the request itself. */
export function requestIdOf(header: Headers, message: object | undefined): string | undefined {
  const fromMessage = message && "requestId" in message ? message.requestId : undefined;
  return validRequestId(header.get(REQUEST_ID) ?? fromMessage);
}

/** Undefined for what cannot stand in a log or in metadata. */
export const validRequestId = (text: unknown): string | undefined =>
  typeof text === "string" && REQUEST_ID_FORM.test(text) ? text : undefined;

/** The span that a call is made in, as its caller names it. */
export function callersTrace(header: Headers): TraceContext | undefined {
  const text = header.get(TRACEPARENT);
  return text === null ? undefined : parseTraceparent(text);
}

/** How both are called in log lines. */
export const tagFields = ({ requestId, trace }: CallTags) => ({
  ...(requestId !== undefined && { requestId }),
  ...(trace && { traceId: trace.traceId }),
});

/** A log whose lines name the call. */
export function logOfCall(log: Log, values: ContextValues): Log {
  const fields = tagFields(callTagsOf(values));
  return Object.keys(fields).length === 0 ? log : log.child(fields);
}
