import { describe, expect, test } from "@jest/globals";
import { SayRequestSchema } from "../rpc/testing/echo-pb.ts";
import { parametersOf } from "./parameters.ts";
import { readQuery } from "./query.ts";

const parameters = parametersOf(SayRequestSchema, {
  without: new Set(["payload"]),
  spread: "extra_part",
});
const read = (search: string) => readQuery(search, parameters);

test("fields of a request are parameters, but for those that are elsewhere and lists of messages", () => {
  expect(parameters.map(({ name }) => name)).toEqual([
    ...["text", "count", "mood", "moods", "namedMoods"],
    // Spread: as if they were the request's own.
    ...["text", "count", "payload", "mood", "moods", "namedMoods", "extraMood", "extraMood"],
  ]);
});

describe("a query", () => {
  test.each([
    ["", {}],
    ["text=a%20b&count=3", { text: "a b", count: "3" }],
    ["moods=A&moods=B", { moods: ["A", "B"] }],
    ["named_moods=a=b=c&named_moods=d=", { namedMoods: { a: "b=c", d: "" } }],
    ["text=", { text: "" }],
  ])("%j is the JSON of the request", (search, json) => {
    expect(read(search)).toEqual({ json, violations: [] });
  });

  test.each([
    ["texd=1", "texd", "is no parameter, did you mean text?"],
    ["zzz", "zzz", "is no parameter: choose one of text, count"],
    ["text=a&text=b", "text", "is given 2 times: once is enough"],
    ["namedMoods=a", "namedMoods", "must be KEY=VALUE"],
    ["namedMoods=a=1&namedMoods=a=2", "namedMoods", "has one key twice"],
    ["namedMoods=a=1&named_moods=b=2", "named_moods", "is given under both of its names"],
  ])("%j is refused, saying why", (search, field, description) => {
    expect(read(search).violations).toEqual([
      { field, description: expect.stringContaining(description) },
    ]);
  });
});
