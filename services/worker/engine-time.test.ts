import { expect, test } from "@jest/globals";
import { formatEngineTime, parseEngineTime, parseEngineTimeMs } from "./engine-time.ts";

test.each([
  ["2026-01-02T03:04:05.678901234Z", 1767323045n, 678901234],
  ["2026-01-02T03:04:05.6Z", 1767323045n, 600000000],
  ["2026-01-02T03:04:05Z", 1767323045n, 0],
  ["2026-01-02T05:04:05.000000001+02:00", 1767323045n, 1],
])("reads %s", (text, seconds, nanos) => {
  expect(parseEngineTime(text)).toMatchObject({ seconds, nanos });
});

test.each(["0001-01-01T00:00:00Z", "", "yesterday", "2026-13-45T99:00:00Z", "2026-01-02"])(
  "%j is no time",
  (text) => {
    expect(parseEngineTime(text)).toBeUndefined();
    expect(parseEngineTimeMs(text)).toBeUndefined();
  },
);

test("reads milliseconds, cut off below", () => {
  expect(parseEngineTimeMs("2026-01-02T03:04:05.678999999Z")).toBe(1767323045678);
});

test("writes what the engine reads", () => {
  expect(formatEngineTime(1767323045007)).toBe("1767323045.007000000");
});
