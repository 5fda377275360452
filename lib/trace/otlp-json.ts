import type { Attributes, SpanKind, SpanRecord } from "./span.ts";
import type { TraceContext } from "./trace-context.ts";

/** Facts about this process, such as its version; the name of the service is a span's own. */
export type Resource = Attributes;

/** Numbers of `Span.SpanKind` in opentelemetry.proto.trace.v1. */
const KINDS: Readonly<Record<SpanKind, number>> = { internal: 1, server: 2, client: 3 };

const STATUS_ERROR = 2;

const FLAG_SAMPLED = 1;

/** The body of an OTLP request to `/v1/traces`, in JSON: IDs in hex, 64-bit numbers as text. */
export function encodeSpans(spans: readonly SpanRecord[], resource: Resource): string {
  const services = [...new Set(spans.map(({ service }) => service))];
  const resourceSpans = services.map((service) => ({
    resource: { attributes: attributesOf({ "service.name": `berth-${service}`, ...resource }) },
    scopeSpans: [
      {
        scope: { name: "berth" },
        spans: spans.filter((span) => span.service === service).map(spanOf),
      },
    ],
  }));
  return JSON.stringify({ resourceSpans });
}

const spanOf = (span: SpanRecord) => ({
  traceId: span.context.traceId,
  spanId: span.context.spanId,
  ...(span.parentSpanId !== undefined && { parentSpanId: span.parentSpanId }),
  flags: flagsOf(span.context),
  name: span.name,
  kind: KINDS[span.kind],
  startTimeUnixNano: nanos(span.startMs),
  endTimeUnixNano: nanos(Math.max(span.startMs, span.endMs)),
  attributes: attributesOf(span.attributes),
  links: span.links.map((link) => ({
    traceId: link.traceId,
    spanId: link.spanId,
    flags: flagsOf(link),
  })),
  status: span.error === undefined ? {} : { code: STATUS_ERROR, message: span.error },
});

const flagsOf = ({ isSampled }: TraceContext): number => (isSampled ? FLAG_SAMPLED : 0);

/** A double holds the time of today to some 200 ns. */
const nanos = (ms: number): string => String(BigInt(Math.round(ms * 1_000)) * 1_000n);

const attributesOf = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: wrapped(value) }));

const wrapped = (value: string | number) => {
  if (typeof value === "string") return { stringValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
};
