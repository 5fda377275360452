import { describe, expect, test } from "@jest/globals";
import { attemptTrace, attemptTraceparent } from "./attempt-trace.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const task = { id: "t1", traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };

describe("the trace of an attempt", () => {
  test("is the submit's for the first one, below the span of the submit", () => {
    expect(attemptTrace(task, 1)).toEqual({
      traceId: TRACE,
      spanId: expect.stringMatching(/^[\da-f]{16}$/),
      isSampled: true,
      parentSpanId: "00f067aa0ba902b7",
      links: [],
    });
  });

  test("is one of its own for a later one, with links to the submit and to the one before", () => {
    const [first, second] = [attemptTrace(task, 1), attemptTrace(task, 2)];
    expect(second?.traceId).not.toBe(TRACE);
    expect(second).toMatchObject({
      parentSpanId: undefined,
      isSampled: true,
      links: [
        { traceId: TRACE, spanId: "00f067aa0ba902b7" },
        { traceId: TRACE, spanId: first?.spanId },
      ],
    });
    const third = attemptTrace(task, 3);
    expect(third?.links[1]).toMatchObject({ traceId: second?.traceId, spanId: second?.spanId });
  });

  test("is the same whoever asks, and the same as the text of it", () => {
    const trace = attemptTrace({ ...task }, 7);
    expect(attemptTraceparent(task, 7)).toBe(`00-${trace?.traceId}-${trace?.spanId}-01`);
  });

  test("is recorded only if the submit is", () => {
    const unsampled = { ...task, traceparent: task.traceparent.replace(/01$/, "00") };
    expect(attemptTraceparent(unsampled, 2)).toMatch(/-00$/);
  });

  test("is none where nobody traced the submit", () => {
    expect(attemptTrace({ id: "t1", traceparent: "" }, 1)).toBeUndefined();
    expect(attemptTraceparent({ id: "t1", traceparent: "" }, 1)).toBe("");
  });

  test("differs for each attempt of each task of one submit", () => {
    const names = Array.from({ length: 20_000 }, (_, n) =>
      attemptTraceparent({ ...task, id: `t${n % 2_000}` }, 1 + Math.floor(n / 2_000)),
    );
    expect(new Set(names.map((name) => name.split("-")[2])).size).toBe(names.length);
  });
});
