import { expect, test } from "@jest/globals";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parseSize } from "./size.ts";

test.each([
  ["512", 512n],
  ["512b", 512n],
  ["1k", 1024n],
  ["512m", 512n * 1024n ** 2n],
  ["512MiB", 512n * 1024n ** 2n],
  ["1.5g", 3n * 512n * 1024n ** 2n],
  ["2TB", 2n * 1024n ** 4n],
])("reads %s", (text, bytes) => expect(valueIn(parseSize(text))).toBe(bytes));

test.each(["", "m", "-5m", "1,5g", "5 m", "1e3", "512x", "1.g", "0x10"])("refuses %j", (text) => {
  expect(problemIn(parseSize(text))).toContain("must be a size such as 512m");
});

test("refuses more than a machine can have", () => {
  expect(problemIn(parseSize("9999999t"))).toContain("less than 8 PiB");
});
