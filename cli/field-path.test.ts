import { expect, test } from "@jest/globals";
import { camelCase, stepsOf } from "./field-path.ts";

test.each([
  ["", []],
  ["limit.memory_bytes", ["limit", "memory_bytes"]],
  ["ports[10].name", ["ports", 10, "name"]],
  ['env["A.B"]', ["env", "A.B"]],
  ['reservation.custom["a\\"[0]"].count', ["reservation", "custom", 'a"[0]', "count"]],
  ['env["\\u00"]', ["env", "\\u00"]],
])("the steps of %j", (path, steps) => expect(stepsOf(path)).toEqual(steps));

test("names of the contract are those of JSON", () => {
  expect(camelCase("http_2_port")).toBe("http2Port");
});
