import type { TraceContext } from "./trace-context.ts";

/** Facts about a span. Names are the program's own; values never hold what a user keeps secret. */
export type Attributes = Readonly<Record<string, string | number>>;

/** A span that has ended, as it is exported. */
export type SpanRecord = Readonly<{
  /** Which service it is of, such as `manager`. */
  service: string;
  name: string;
  kind: SpanKind;
  context: TraceContext;
  /** Absent: it begins its trace. */
  parentSpanId: string | undefined;
  links: readonly TraceContext[];
  /** Milliseconds since the Unix epoch, with fractions. */
  startMs: number;
  endMs: number;
  attributes: Attributes;
  /** Why it failed. Undefined: it did not. */
  error: string | undefined;
}>;

/** `server`: it answers a call; `client`: it waits for somebody else, such as the engine. */
export type SpanKind = "internal" | "server" | "client";
