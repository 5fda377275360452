import { expect, test } from "@jest/globals";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parseCpus } from "./cpus.ts";

test.each([
  ["2", 2000n],
  ["0.5", 500n],
  ["0.125", 125n],
])("reads %s", (text, millis) => expect(valueIn(parseCpus(text))).toBe(millis));

test.each(["", ".5", "0.1234", "-1", "500m", "1e1"])("refuses %j", (text) => {
  expect(problemIn(parseCpus(text))).toContain("must be a number of CPUs");
});
