import { beforeEach, describe, expect, test } from "@jest/globals";
import { createManualClock } from "../manual-clock.ts";
import { createSeededRandom } from "../random.ts";
import type { SpanRecord } from "./span.ts";
import { createTracer } from "./tracer.ts";

const PARENT = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true };

let spans: SpanRecord[];
const clock = createManualClock();
const random = createSeededRandom(1);

beforeEach(() => {
  spans = [];
});

const tracerOf = (ratio: number) =>
  createTracer({
    sink: { offer: (span) => void spans.push(span), families: () => [] },
    ...{ ratio, clock, random },
  });

describe("a span", () => {
  test("is told when it ends, once, with how long it took", async () => {
    const tracer = tracerOf(1).of("worker");
    const span = tracer.begin({ name: "work", kind: "internal", attributes: { a: 1 } });
    await clock.advance(25);
    expect(spans).toEqual([]);
    span?.end({ attributes: { b: "x" }, error: "why" });
    span?.end();
    expect(spans).toEqual([
      {
        service: "worker",
        ...{ name: "work", kind: "internal", links: [], parentSpanId: undefined, error: "why" },
        attributes: { a: 1, b: "x" },
        context: {
          traceId: expect.stringMatching(/^[\da-f]{32}$/),
          spanId: expect.stringMatching(/^[\da-f]{16}$/),
          isSampled: true,
        },
        startMs: clock.now() - 25,
        endMs: clock.now(),
      },
    ]);
  });

  test("belongs to its parent's trace", () => {
    tracerOf(0).begin({ name: "work", kind: "server", parent: PARENT })?.end();
    expect(spans).toMatchObject([
      { context: { traceId: PARENT.traceId }, parentSpanId: PARENT.spanId },
    ]);
    expect(spans[0]?.context.spanId).not.toBe(PARENT.spanId);
  });

  test("is not made below one that is not recorded, whatever the ratio", () => {
    const parent = { ...PARENT, isSampled: false };
    expect(tracerOf(1).begin({ name: "work", kind: "server", parent })).toBeUndefined();
    const named = { name: "named", kind: "internal", context: parent, links: [] } as const;
    const rest = { parentSpanId: undefined, startMs: 0, endMs: 0, attributes: {} };
    tracerOf(1).tell({ ...named, ...rest, error: undefined });
    expect(spans).toEqual([]);
  });
});

test("of traces that begin here, as many are recorded as the ratio says", () => {
  const chosenOf = (ratio: number) => {
    const tracer = tracerOf(ratio);
    const begun = Array.from({ length: 10_000 }, () => tracer.begin({ name: "a", kind: "server" }));
    return begun.filter((span) => span !== undefined).length;
  };
  expect([chosenOf(0), chosenOf(1)]).toEqual([0, 10_000]);
  expect(chosenOf(0.25)).toBeGreaterThan(2_300);
  expect(chosenOf(0.25)).toBeLessThan(2_700);
});
