import { expect, test } from "@jest/globals";
import { growthPercentOf } from "./heap-growth.ts";

test("a small heap may grow by three tenths, and how much a large one grows is left to V8", () => {
  expect(growthPercentOf(90e6)).toBe(20);
  expect(growthPercentOf(500e6)).toBe(0);
});
