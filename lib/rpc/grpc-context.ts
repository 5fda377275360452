import type { DescMethod } from "@bufbuild/protobuf";
import { type ConnectError, createHandlerContext, type HandlerContext } from "@connectrpc/connect";
import type * as grpc from "@grpc/grpc-js";
import { systemClock } from "../clock.ts";
import { cancelled, timedOut } from "../errors.ts";
import { toHeaders } from "./metadata.ts";
import { valuesFor } from "./peer.ts";
import type { Serving } from "./serving.ts";

export type UnaryCall = grpc.ServerUnaryCall<Uint8Array, Uint8Array>;
export type StreamCall = grpc.ServerDuplexStream<Uint8Array, Uint8Array>;

/** What a handler is told of its call, and how to say that the call is over. */
export type Context = HandlerContext & Readonly<{ finish: () => void }>;

/** Why the signal of every finished call has aborted. Shared: errors are costly to make. */
const OVER = cancelled("the call is over");

/**
 * A handler's context for a grpc-js call. Its signal aborts when the caller leaves, when the
 * deadline passes, when the server drains (streams only), and when the call is over.
 */
export function contextOf(
  call: UnaryCall | StreamCall,
  method: DescMethod,
  { limits, draining }: Pick<Serving, "limits" | "draining">,
): Context {
  const isUnary = method.methodKind === "unary";
  const timeoutMs = timeoutMsOf(call) ?? (isUnary ? limits.unaryMs : undefined);
  const context = createHandlerContext({
    service: method.parent,
    method,
    protocolName: "grpc",
    requestMethod: "POST",
    url: `http://${call.getHost()}${call.getPath()}`,
    requestHeader: toHeaders(call.metadata),
    contextValues: valuesFor(call.getPeer()),
    ...(isUnary ? {} : { shutdownSignal: draining }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  // grpc-js says so at the end of every call, also of one that went well.
  call.once("cancelled", () => {
    if (!context.signal.aborted) context.abort(reasonToLeave(call));
  });
  return Object.assign(context, { finish: () => context.abort(OVER) });
}

/** Undefined without a deadline. grpc-js keeps deadlines by the wall clock, so they are read by it. */
function timeoutMsOf(call: UnaryCall | StreamCall): number | undefined {
  const deadline = Number(call.getDeadline());
  return deadline === Number.POSITIVE_INFINITY ? undefined : deadline - systemClock.now();
}

const reasonToLeave = (call: UnaryCall | StreamCall): ConnectError =>
  (timeoutMsOf(call) ?? 1) <= 0
    ? timedOut("DEADLINE_EXCEEDED", "the caller's deadline has passed")
    : cancelled("the caller left");
