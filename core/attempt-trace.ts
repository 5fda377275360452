import type { Task } from "../gen/berth/v1/task_pb.ts";

/** The span in which an attempt is placed, by its names alone: all who know the task know it. */
export type AttemptTrace = Readonly<{
  traceId: string;
  spanId: string;
  isSampled: boolean;
  /** The span that it is below. Undefined: it begins a trace. */
  parentSpanId: string | undefined;
  /** Earlier spans that it follows from, in traces of their own. */
  links: readonly SpanName[];
}>;

type SpanName = Pick<AttemptTrace, "traceId" | "spanId" | "isSampled">;

type Traced = Pick<Task, "id" | "traceparent">;

/**
 * Undefined where nobody traced the submit. IDs are computed and not remembered, so that a manager
 * that takes over, and a worker that reads the store, name the same span.
 *
 * The first attempt belongs to the trace of the submit. Each later one begins a trace, which links
 * to the submit and to the attempt before: a task that restarts for weeks is not one trace of weeks.
 */
export function attemptTrace(task: Traced, attempt: number): AttemptTrace | undefined {
  const submit = submitSpan(task);
  if (!submit) return undefined;
  const isFirst = attempt <= 1;
  const links = isFirst ? [] : [submit, spanOf(task, submit, attempt - 1)];
  const parentSpanId = isFirst ? submit.spanId : undefined;
  return { ...spanOf(task, submit, attempt), parentSpanId, links };
}

/** The span in which an attempt is placed, in the form of W3C. Empty where it is not traced. */
export function attemptTraceparent(task: Traced, attempt: number): string {
  const submit = submitSpan(task);
  if (!submit) return "";
  const { traceId, spanId, isSampled } = spanOf(task, submit, attempt);
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}

/** The span of the submit. Undefined where nobody traced it. */
export function submitSpan({ traceparent }: Pick<Task, "traceparent">): SpanName | undefined {
  const [, traceId, spanId, flags] = traceparent.split("-");
  if (traceId === undefined || spanId === undefined) return undefined;
  return { traceId, spanId, isSampled: flags === "01" };
}

function spanOf({ id }: Traced, submit: SpanName, attempt: number): SpanName {
  const name = `${submit.traceId}${submit.spanId} ${id} ${attempt}`;
  const spanId = digits(name, [1, 2]);
  const traceId = attempt <= 1 ? submit.traceId : digits(name, [3, 4, 5, 6]);
  return { traceId, spanId, isSampled: submit.isSampled };
}

/** Eight hexadecimal digits a seed, not all of them 0. */
const digits = (text: string, seeds: readonly number[]): string =>
  seeds.map((seed) => (hash(text, seed) || 1).toString(16).padStart(8, "0")).join("");

/** FNV-1a from a seed, its bits mixed at the end as MurmurHash3 does: IDs differ in all digits. */
function hash(text: string, seed: number): number {
  let bits = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1);
  for (let at = 0; at < text.length; at++) bits = Math.imul(bits ^ text.charCodeAt(at), 0x01000193);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
