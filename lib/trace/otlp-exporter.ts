import { type Bell, createBell } from "../bell.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { type Family, single } from "../metrics/family.ts";
import { createTally } from "../metrics/tally.ts";
import type { Random } from "../random.ts";
import { createBackoff } from "../retry.ts";
import { createStop } from "../stop.ts";
import { encodeSpans, type Resource } from "./otlp-json.ts";
import type { SpanRecord } from "./span.ts";
import type { SpanSink } from "./tracer.ts";

/** What became of a request to a collector. `unavailable`: the same may be taken later. */
export type PostResult =
  | Readonly<{ kind: "accepted" }>
  | Readonly<{ kind: "refused" | "unavailable"; why: string }>;

/** Sends a body of JSON. Never rejects. */
export type Post = (body: string, signal: AbortSignal) => Promise<PostResult>;

type Deps = Readonly<{ post: Post; resource: Resource; clock: Clock; random: Random; log: Log }>;

/** Sends spans to a collector, a batch at a time. One that is dead costs memory that has an end. */
export type OtlpExporter = SpanSink &
  Readonly<{
    /** Sends what waits, for a moment; what is left then is dropped. */
    close(): Promise<void>;
  }>;

// The defaults of OpenTelemetry's own batch processor.
/** Spans that wait. Further ones are dropped. */
const QUEUE_MAX = 2_048;
const BATCH_MAX = 512;
/** How long a span waits for others. */
const DELAY_MS = 5_000;

const POST_MS_MAX = 10_000;
const RETRY = { firstMs: 1_000, capMs: 30_000, stableMs: 60_000 };

/** How long a process that ends waits for its collector. */
const CLOSE_MS = 2_000;

type Exporting = Deps &
  Readonly<{
    queue: SpanRecord[];
    dropped: ReturnType<typeof createTally>;
    counts: { exported: number };
  }>;

export function createOtlpExporter(deps: Deps): OtlpExporter {
  const { clock } = deps;
  const queue: SpanRecord[] = [];
  const dropped = createTally(["queue_full", "refused", "closed"]);
  const counts = { exported: 0 };
  const self: Exporting = { ...deps, queue, dropped, counts };
  const bell = createBell(clock);
  const closing = createStop();
  const dead = createStop();
  const running = run(self, { bell, closing: closing.signal, dead: dead.signal });

  return {
    offer(span) {
      if (closing.signal.aborted) return dropped.add("closed");
      if (queue.length >= QUEUE_MAX) return dropped.add("queue_full");
      queue.push(span);
      if (queue.length === 1 || queue.length === BATCH_MAX) bell.ring();
    },
    families: () => familiesOf(self),
    async close() {
      closing.abort();
      const disarm = clock.after(CLOSE_MS, () => dead.abort());
      await running;
      disarm();
      for (const _ of queue.splice(0)) dropped.add("closed");
    },
  };
}

type Life = Readonly<{
  bell: Bell;
  /** Aborts when no more spans come: those that wait go at once, each batch with one try. */
  closing: AbortSignal;
  /** Aborts when nothing is to be waited for any more. */
  dead: AbortSignal;
}>;

async function run(self: Exporting, { bell, closing, dead }: Life): Promise<void> {
  const { queue, clock, random } = self;
  const backoff = createBackoff({ ...RETRY, random, clock });
  const teller = createTeller(self.log);
  let result: PostResult | undefined;
  while (!closing.aborted || queue.length > 0) {
    const isRetry = result?.kind === "unavailable";
    if (isRetry && closing.aborted) return;
    if (isRetry) await clock.sleep(backoff.next(), closing);
    else await gather(queue, bell, closing);
    result = await sendBatch(self, dead);
    teller.note(result);
  }
}

/** Waits for a first span, and then a while for others. */
async function gather(queue: readonly SpanRecord[], bell: Bell, closing: AbortSignal) {
  if (queue.length === 0) await bell.wait(closing);
  if (queue.length < BATCH_MAX) await bell.wait(closing, DELAY_MS);
}

/** A batch that is refused is dropped; one that nobody could take stays in the queue. */
async function sendBatch(self: Exporting, dead: AbortSignal): Promise<PostResult | undefined> {
  const { queue, post, resource, clock, counts, dropped } = self;
  const batch = queue.slice(0, BATCH_MAX);
  if (batch.length === 0) return undefined;
  const tooLate = new AbortController();
  const disarm = clock.after(POST_MS_MAX, () => tooLate.abort());
  const signal = AbortSignal.any([tooLate.signal, dead]);
  const result = await post(encodeSpans(batch, resource), signal);
  disarm();
  if (result.kind === "unavailable") return result;
  queue.splice(0, batch.length);
  if (result.kind === "accepted") counts.exported += batch.length;
  else for (const _ of batch) dropped.add("refused");
  return result;
}

/** Says once that a collector does not take spans, and once that it does again. */
function createTeller(log: Log) {
  let trouble: string | undefined;
  return {
    note(result: PostResult | undefined): void {
      if (!result) return;
      const why = result.kind === "accepted" ? undefined : result.why;
      if (why !== undefined && trouble === undefined) log.warn({ reason: why }, "traces not taken");
      if (why === undefined && trouble !== undefined) log.info({}, "traces are taken again");
      trouble = why;
    },
  };
}

const familiesOf = ({ queue, dropped, counts }: Exporting): readonly Family[] => [
  single(
    {
      name: "berth_trace_spans_exported_total",
      kind: "counter",
      help: "Spans that the collector took.",
    },
    counts.exported,
  ),
  {
    name: "berth_trace_spans_dropped_total",
    kind: "counter",
    help: "Spans that were thrown away, by why.",
    points: dropped.points("reason"),
  },
  single(
    { name: "berth_trace_spans_waiting", kind: "gauge", help: "Spans that wait to be sent." },
    queue.length,
  ),
];
