import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "@jest/globals";
import { SayRequestSchema } from "../rpc/testing/echo-pb.ts";
import { violationsIn } from "./json-violations.ts";

function violationsOf(json: JsonValue) {
  try {
    fromJson(SayRequestSchema, json);
    return [];
  } catch (error) {
    return violationsIn(SayRequestSchema, json, error);
  }
}

describe("every field that is not as it must be is named, with its place", () => {
  test.each<[JsonValue, string[]]>([
    [{ text: 1 }, ["text: expected string, got 1"]],
    [{ txt: "a", count: "x" }, ["txt: is no field", "count: expected number (int32), "]],
    [{ textt: "a" }, ["textt: is no field of SayRequest, did you mean text?"]],
    [{ moods: ["MOOD_CALM", "CALM"] }, ['moods[1]: is no Mood: "CALM", did you mean MOOD_CALM?']],
    [{ mood: "sad" }, ['mood: is no Mood: "sad": must be one of MOOD_CALM']],
    [{ parts: [{}, { parts: [{ text: [] }] }] }, ["parts[1].parts[0].text: expected string"]],
    [{ parts: {} }, ["parts: expected Array, got object"]],
    [{ namedParts: { a: { b: 1 } } }, ['named_parts["a"].b: is no field']],
    [{ namedMoods: { a: "x" } }, ['named_moods["a"]: is no Mood: "x"']],
    [{ parts: ["no"] }, ['parts[0]: is no SayRequest: "no"']],
    [{ extraPart: {}, extraMood: "MOOD_CALM" }, ["body: oneof set multiple times"]],
    [[], ["body: is no SayRequest: Array(0)"]],
  ])("in %j", (json, starts) => {
    const found = violationsOf(json).map(({ field, description }) => `${field}: ${description}`);
    expect(found.map((text, i) => text.slice(0, starts[i]?.length))).toEqual(starts);
  });
});

test("no more than twenty are looked for, and none is longer than a line or two", () => {
  const bad = "x".repeat(1_000);
  const found = violationsOf({ parts: Array.from({ length: 1_000 }, () => ({ [bad]: bad })) });
  expect(found).toHaveLength(20);
  expect(Math.max(...found.map(({ field }) => field.length))).toBeLessThan(100);
});

test("a message that is one text is shown how it looks", () => {
  expect(violationsIn(DurationSchema, "5 minutes", new Error())).toEqual([
    { field: "body", description: 'is no Duration, such as "1.5s": "5 minutes"' },
  ]);
});
