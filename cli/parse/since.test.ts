import { expect, test } from "@jest/globals";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parseSince } from "./since.ts";

const now = Date.UTC(2026, 0, 31, 12);

test.each([
  ["10m", now - 600_000],
  ["2026-01-31T11:00:00Z", now - 3_600_000],
  ["2026-01-31T12:00:00+01:00", now - 3_600_000],
])("reads %s", (text, ms) => expect(valueIn(parseSince(text, now))).toBe(ms));

test.each(["yesterday", "2026-13-01T00:00:00Z", "12:00"])("refuses %j", (text) =>
  expect(problemIn(parseSince(text, now))).toContain("must be a time such as"),
);
