import { expect, test } from "@jest/globals";
import { formatTraceparent, parseTraceparent } from "./trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

test("a traceparent names a trace, a span, and whether it is recorded", () => {
  const context = { traceId: TRACE, spanId: SPAN, isSampled: true };
  expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual(context);
  expect(formatTraceparent(context)).toBe(`00-${TRACE}-${SPAN}-01`);
  expect(parseTraceparent(`00-${TRACE}-${SPAN}-00`)?.isSampled).toBe(false);
});

test("flags that this version does not know, and what a later version adds, are let be", () => {
  expect(parseTraceparent(`00-${TRACE}-${SPAN}-03`)?.isSampled).toBe(true);
  expect(parseTraceparent(`01-${TRACE}-${SPAN}-01-more`)?.traceId).toBe(TRACE);
});

test.each([
  ["nothing", ""],
  ["a version that may not be", `ff-${TRACE}-${SPAN}-01`],
  ["capitals", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ["no trace", `00-${"0".repeat(32)}-${SPAN}-01`],
  ["no span", `00-${TRACE}-${"0".repeat(16)}-01`],
  ["too much for its version", `00-${TRACE}-${SPAN}-01-more`],
  ["too little", `00-${TRACE}-${SPAN}`],
  ["two of them, as joined headers are", `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
])("%s is no traceparent", (_, text) => {
  expect(parseTraceparent(text)).toBeUndefined();
});
