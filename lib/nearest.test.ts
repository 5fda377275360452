import { expect, test } from "@jest/globals";
import { didYouMean, nearest } from "./nearest.ts";

test.each([
  ["leese", "lease"],
  ["page_size", "pageSize"],
  ["RUNNING", "TASK_STATE_RUNNING"],
  ["laese", "lease"],
  ["pgesize", "pageSize"],
  ["lisn", "listen"],
  ["zzz", undefined],
  ["zzzz", undefined],
  ["", undefined],
])("the name most like %j is %j", (name, best) => {
  expect(nearest(name, ["listen", "lease", "pageSize", "TASK_STATE_RUNNING"])).toBe(best);
});

test("a suggestion ends a message, if there is one", () => {
  expect(didYouMean("leese", ["lease"])).toBe(", did you mean lease?");
  expect(didYouMean("leese", [])).toBe("");
});
