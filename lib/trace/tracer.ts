import type { Clock } from "../clock.ts";
import type { Family } from "../metrics/family.ts";
import type { Random } from "../random.ts";
import type { Attributes, SpanKind, SpanRecord } from "./span.ts";
import type { TraceContext } from "./trace-context.ts";

/**
 * Makes spans. Who has none (`undefined`) traces nothing, at no cost; contexts that callers sent
 * are passed on all the same.
 */
export interface Tracer {
  /** The same, of another service of this process. */
  of(service: string): Tracer;
  /** Undefined where the trace is not recorded: whoever began it decides, for all of it. */
  begin(beginning: Beginning): Span | undefined;
  /** A span that was named before it was made. Nothing happens where its trace is not recorded. */
  tell(span: Told): void;
  /** What came of spans, of all services of the process. */
  families(): readonly Family[];
}

export type Beginning = Readonly<{
  name: string;
  kind: SpanKind;
  /** Absent: it begins a trace, if one is to be recorded. */
  parent?: TraceContext | undefined;
  attributes?: Attributes;
}>;

/** A span that is under way. */
export interface Span {
  readonly context: TraceContext;
  /** Only the first call counts. */
  end(ending?: Ending): void;
}

export type Ending = Readonly<{ attributes?: Attributes; error?: string | undefined }>;

/** A span of which all is known when it is told. */
type Told = Omit<SpanRecord, "service">;

export type SpanSink = Readonly<{
  offer(span: SpanRecord): void;
  families(): readonly Family[];
}>;

type Deps = Readonly<{
  sink: SpanSink;
  /** How many of the traces that begin here are recorded, 0 to 1. */
  ratio: number;
  clock: Clock;
  random: Random;
}>;

export function createTracer(deps: Deps, service = "berth"): Tracer {
  const { sink, ratio, clock, random } = deps;

  function contextUnder(parent: TraceContext | undefined): TraceContext | undefined {
    if (parent) return parent.isSampled ? { ...parent, spanId: hex(random, SPAN) } : undefined;
    const traceId = hex(random, TRACE);
    if (!isChosen(traceId, ratio)) return undefined;
    return { traceId, spanId: hex(random, SPAN), isSampled: true };
  }

  return {
    of: (other) => createTracer(deps, other),
    begin({ name, kind, parent, attributes: first }) {
      const context = contextUnder(parent);
      if (!context) return undefined;
      const [startMs, startAt] = [clock.now(), clock.monotonic()];
      let isOver = false;
      return {
        context,
        end({ attributes, error } = {}) {
          if (isOver) return;
          isOver = true;
          const endMs = startMs + clock.monotonic() - startAt;
          const parentSpanId = parent?.spanId;
          const facts = { ...first, ...attributes };
          const times = { startMs, endMs };
          const names = { service, name, kind, context, parentSpanId, links: [] };
          sink.offer({ ...names, ...times, attributes: facts, error });
        },
      };
    },
    tell: (span) => {
      if (span.context.isSampled) sink.offer({ service, ...span });
    },
    families: sink.families,
  };
}

const TRACE = 4;
const SPAN = 2;

/** As many words of 8 hexadecimal digits, the last of which are not all 0. */
function hex(random: Random, wordCount: number): string {
  const words = Array.from({ length: wordCount }, () => Math.floor(random() * 2 ** 32));
  return words
    .map((word, index) => (index === wordCount - 1 ? word || 1 : word))
    .map((word) => word.toString(16).padStart(8, "0"))
    .join("");
}

/** Digits of a trace ID that a number holds exactly. */
const DIGITS = 13;

/** Whoever asks it of a trace comes to the same: its ID decides. */
const isChosen = (traceId: string, ratio: number): boolean =>
  Number.parseInt(traceId.slice(-DIGITS), 16) / 16 ** DIGITS < ratio;
