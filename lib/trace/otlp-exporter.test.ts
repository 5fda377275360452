import { afterEach, describe, expect, test } from "@jest/globals";
import type { Log, LogFields } from "../log.ts";
import { createManualClock, type ManualClock } from "../manual-clock.ts";
import { formatFamilies } from "../metrics/family.ts";
import { createSeededRandom } from "../random.ts";
import { createOtlpExporter, type OtlpExporter, type PostResult } from "./otlp-exporter.ts";
import type { SpanRecord } from "./span.ts";

const aSpan = (name: string): SpanRecord => ({
  ...{ service: "manager", name, kind: "internal", parentSpanId: undefined, links: [] },
  context: { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true },
  ...{ startMs: 1_000.5, endMs: 1_002, attributes: { n: 1 }, error: undefined },
});

/** An exporter and a collector that answers as it is told; undefined: never. */
function createRig() {
  const clock = createManualClock();
  const lines: string[] = [];
  const tell = (fields: LogFields, message: string) =>
    void lines.push([message, fields["reason"]].filter(Boolean).join(": "));
  const log: Log = { error: tell, warn: tell, info: tell, debug: tell, child: () => log };
  const bodies: string[] = [];
  let answer: PostResult | undefined = { kind: "accepted" };
  const post = (body: string, signal: AbortSignal) => {
    bodies.push(body);
    if (answer) return Promise.resolve(answer);
    return new Promise<PostResult>((resolve) => {
      signal.addEventListener("abort", () => resolve({ kind: "unavailable", why: "too late" }));
    });
  };
  const random = createSeededRandom(1);
  const exporter = createOtlpExporter({ post, resource: { host: "h" }, clock, random, log });
  exporters.push({ exporter, clock });
  return {
    ...{ clock, lines, bodies, exporter },
    answerWith: (next: PostResult | undefined) => {
      answer = next;
    },
    offer: (count: number) => {
      for (let n = 0; n < count; n++) exporter.offer(aSpan(`s${n}`));
    },
    /** Spans in each request that came. */
    sizes: () => bodies.map((body) => body.match(/"spanId"/g)?.length ?? 0),
    number: (name: string) =>
      Number(
        formatFamilies(exporter.families())
          .split("\n")
          .find((line) => line.startsWith(name))
          ?.split(" ")[1],
      ),
  };
}

let exporters: Readonly<{ exporter: OtlpExporter; clock: ManualClock }>[] = [];
afterEach(async () => {
  for (const { exporter, clock } of exporters)
    await Promise.all([exporter.close(), clock.advance(60_000)]);
  exporters = [];
});

const DEAD: PostResult = { kind: "unavailable", why: "refused" };

describe("spans", () => {
  test("are sent together some seconds after the first of them, as OTLP has it in JSON", async () => {
    const { clock, offer, sizes, bodies, number } = createRig();
    offer(3);
    await clock.advance(4_900);
    expect(sizes()).toEqual([]);
    await clock.advance(200);
    expect(sizes()).toEqual([3]);
    expect(JSON.parse(bodies[0] ?? "")).toMatchObject({
      resourceSpans: [
        {
          resource: {
            attributes: [
              { key: "service.name", value: { stringValue: "berth-manager" } },
              { key: "host", value: { stringValue: "h" } },
            ],
          },
          scopeSpans: [
            {
              scope: { name: "berth" },
              spans: [
                {
                  ...{ name: "s0", kind: 1, flags: 1, status: {} },
                  startTimeUnixNano: "1000500000",
                  endTimeUnixNano: "1002000000",
                  attributes: [{ key: "n", value: { intValue: "1" } }],
                },
                { name: "s1" },
                { name: "s2" },
              ],
            },
          ],
        },
      ],
    });
    expect(number("berth_trace_spans_exported_total")).toBe(3);
  });

  test("are sent at once when there are enough for a request", async () => {
    const { clock, offer, sizes } = createRig();
    offer(512);
    await clock.advance(0);
    expect(sizes()).toEqual([512]);
  });

  test("of a process that ends are sent before it does", async () => {
    const { exporter, offer, sizes } = createRig();
    offer(700);
    await exporter.close();
    expect(sizes()).toEqual([512, 188]);
  });
});

describe("a collector that is dead", () => {
  test("costs the spans beyond the queue, which are counted, and one line in the log", async () => {
    const { clock, offer, answerWith, number, lines } = createRig();
    answerWith(DEAD);
    for (let n = 0; n < 10; n++) {
      offer(1_000);
      await clock.advance(30_000);
    }
    expect(number("berth_trace_spans_waiting")).toBe(2_048);
    expect(number('berth_trace_spans_dropped_total{reason="queue_full"}')).toBe(10_000 - 2_048);
    expect(lines).toEqual(["traces not taken: refused"]);
  });

  test("gets what still waits when it is back, and nothing twice", async () => {
    const { clock, offer, answerWith, sizes, number, lines } = createRig();
    answerWith(DEAD);
    offer(600);
    await clock.advance(60_000);
    const tries = sizes().length;
    answerWith({ kind: "accepted" });
    await clock.advance(60_000);
    expect(sizes().slice(tries)).toEqual([512, 88]);
    expect(number("berth_trace_spans_exported_total")).toBe(600);
    expect(lines).toEqual(["traces not taken: refused", "traces are taken again"]);
  });

  test("that never answers is given up for each try, and for good when the process ends", async () => {
    const { clock, offer, answerWith, sizes, exporter, number } = createRig();
    answerWith(undefined);
    offer(5);
    await clock.advance(5_000);
    await clock.advance(9_000);
    expect(sizes()).toEqual([5]);
    await clock.advance(5_000);
    expect(sizes().length).toBeGreaterThan(1);
    const closing = exporter.close();
    await clock.advance(2_000);
    await closing;
    expect(number('berth_trace_spans_dropped_total{reason="closed"}')).toBe(5);
  });
});

test("spans that a collector refuses are dropped, and counted", async () => {
  const { clock, offer, answerWith, number, sizes } = createRig();
  answerWith({ kind: "refused", why: "status 400" });
  offer(3);
  await clock.advance(60_000);
  expect(sizes()).toEqual([3]);
  expect(number('berth_trace_spans_dropped_total{reason="refused"}')).toBe(3);
});
