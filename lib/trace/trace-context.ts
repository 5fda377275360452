/** Which span of which trace something belongs to, as W3C Trace Context has it. */
export type TraceContext = Readonly<{
  /** 32 hexadecimal digits, not all of them 0. */
  traceId: string;
  /** 16 hexadecimal digits, not all of them 0. */
  spanId: string;
  /** Whether whoever began the trace has it recorded. */
  isSampled: boolean;
}>;

/** Metadata that carries it, `00-TRACE-SPAN-FLAGS`. */
export const TRACEPARENT = "traceparent";

const FORM = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** Of the version that is known. */
const LENGTH = 55;

/**
 * Undefined for what is malformed: the trace then ends there, and the call goes on without it. A
 * later version may say more after what this one knows.
 */
export function parseTraceparent(text: string): TraceContext | undefined {
  const [, version, traceId = "", spanId = "", flags = ""] = FORM.exec(text) ?? [];
  if (version === undefined || version === "ff") return undefined;
  if (version === "00" && text.length !== LENGTH) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export const formatTraceparent = ({ traceId, spanId, isSampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
