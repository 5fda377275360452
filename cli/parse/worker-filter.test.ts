import { describe, expect, test } from "@jest/globals";
import { fakeWorkers } from "../testing/fake-workers.ts";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parseWorkerFilters } from "./worker-filter.ts";

function matcherOf(texts: readonly string[]) {
  const result = valueIn(parseWorkerFilters(texts));
  if (typeof result === "string") throw new Error(result);
  return result;
}

const found = (...texts: string[]) =>
  fakeWorkers(0)
    .filter(matcherOf(texts))
    .map(({ id }) => id);

describe("workers are left", () => {
  test.each([
    [[], ["worker-1", "worker-2", "worker-3"]],
    [["state=ready"], ["worker-1"]],
    [
      ["state=Down", "state=engine down"],
      ["worker-2", "worker-3"],
    ],
    [["label=zone"], ["worker-1"]],
    [["label=zone=b"], []],
    [["platform=linux"], ["worker-1"]],
    [["platform=linux/amd64", "state=down"], []],
  ])("by %j", (texts, ids) => expect(found(...texts)).toEqual(ids));
});

test.each([
  ["redy", "must be state=STATE"],
  ["state=redy", "did you mean ready?"],
  ["label=", "must be state=STATE"],
])("refuses %j", (text, rule) => expect(problemIn(parseWorkerFilters([text]))).toContain(rule));
