import { expect, test } from "@jest/globals";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parseDuration } from "./duration.ts";

test.each([
  ["10", 10_000],
  ["500ms", 500],
  ["1m30s", 90_000],
  ["1.5h", 5_400_000],
  ["2d", 172_800_000],
  ["0", 0],
])("reads %s", (text, ms) => expect(valueIn(parseDuration(text))).toBe(ms));

test.each(["", "s", "-1s", "10 s", "1m30", "1w", "forever"])("refuses %j", (text) => {
  expect(problemIn(parseDuration(text))).toContain("must be a duration such as 10s");
});

test("refuses what is plainly a mistake", () => {
  expect(problemIn(parseDuration("99999d"))).toContain("a hundred years");
});
