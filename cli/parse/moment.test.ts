import { expect, test } from "@jest/globals";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parseMoment } from "./moment.ts";

const now = Date.UTC(2026, 0, 31, 12, 30);
const DAY_MS = 86_400_000;

test.each([
  ["2h", now - 7_200_000],
  ["-2h", now - 7_200_000],
  ["-1h30m", now - 5_400_000],
  ["2026-01-31T11:00:00Z", now - 5_400_000],
])("reads %s", (text, ms) => expect(valueIn(parseMoment(text, now))).toBe(ms));

test.each(["00:00", "03:12", "12:29:59", "23:59"])("takes %s for the latest there was", (text) => {
  const ms = Number(valueIn(parseMoment(text, now)));
  expect(ms).toBeLessThanOrEqual(now);
  expect(now - ms).toBeLessThan(DAY_MS);
  const there = new Date(ms);
  const [hours = 0, minutes = 0, seconds = 0] = text.split(":").map(Number);
  expect([there.getHours(), there.getMinutes(), there.getSeconds()]).toEqual([
    hours,
    minutes,
    seconds,
  ]);
});

test.each(["yesterday", "24:00", "3:12", "12:60", "--2h", "-", "-12:00"])("refuses %j", (text) =>
  expect(problemIn(parseMoment(text, now))).toContain("must be a time such as 03:12"),
);
