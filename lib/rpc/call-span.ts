import type { StreamRequest, UnaryRequest } from "@connectrpc/connect";
import { status } from "@grpc/grpc-js";
import type { Tracer } from "../trace/tracer.ts";
import { type CallTags, callersTrace, requestIdOf } from "./call-tags.ts";

export type CallSpans = Readonly<{
  tracer?: Tracer | undefined;
  /** Whether a call that belongs to no trace may begin one. */
  beginsTraces?: boolean;
}>;

type Begun = Readonly<{ tags: CallTags; span: { end(code: number): void } | undefined }>;

/**
 * What ties a call to others, and its span. A stream lasts as long as it is wanted, and its span is
 * told when it ends: it has one only if its caller asks for it.
 */
export function beginCall(request: UnaryRequest | StreamRequest, spans: CallSpans): Begun {
  const { header, stream } = request;
  const requestId = requestIdOf(header, stream ? undefined : request.message);
  const parent = callersTrace(header);
  const isOurs = parent !== undefined || (spans.beginsTraces === true && !stream);
  const span = isOurs ? beginSpan(request, parent, spans.tracer) : undefined;
  return { tags: { requestId, trace: span?.context ?? parent }, span };
}

function beginSpan(
  { method, service }: UnaryRequest | StreamRequest,
  parent: CallTags["trace"],
  tracer: Tracer | undefined,
) {
  const name = `${service.typeName}/${method.name}`;
  const attributes = { "rpc.system.name": "grpc", "rpc.method": name };
  const span = tracer?.begin({ name, kind: "server", parent, attributes });
  if (!span) return undefined;
  return {
    context: span.context,
    end(code: number): void {
      const word = status[code] ?? String(code);
      const told = { "rpc.response.status_code": word };
      span.end({ attributes: told, ...(isServersFault(code) && { error: word }) });
    },
  };
}

/** Codes for which OpenTelemetry's conventions have the span of a server failed. */
const FAULTS: ReadonlySet<number> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

const isServersFault = (code: number): boolean => FAULTS.has(code);
