import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parseAddress } from "./address.ts";
import { parseCpus } from "./cpus.ts";
import { parseDuration } from "./duration.ts";
import { parseFilters } from "./filter.ts";
import { parseEnv, parseEnvFile, parseLabel } from "./key-value.ts";
import { oneOf, type Parsed, parseEach, parseWhole, wordIn } from "./parsed.ts";
import { parsePublish } from "./publish.ts";
import { parseRestart } from "./restart.ts";
import { parseSince } from "./since.ts";
import { parseSize } from "./size.ts";

test("a choice lists the words it takes", () => {
  const parse = oneOf({ json: 1, yaml: 2 });
  expect(valueIn(parse("yaml"))).toBe(2);
  expect(problemIn(parse("toString"))).toBe('is "toString": must be one of json, yaml');
  expect(valueIn(wordIn(["a", "b"])("b"))).toBe("b");
  expect(problemIn(wordIn(["a", "b"])("c"))).toBe('is "c": must be one of a, b');
});

test("a list stops at its first malformed entry", () => {
  const parse = (text: string) => parseWhole(text, 1, 9);
  expect(valueIn(parseEach(["1", "2"], parse))).toEqual([1, 2]);
  expect(problemIn(parseEach(["1", "x", "y"], parse))).toContain('is "x"');
});

test("no text makes a parser throw", () => {
  const parsers: readonly ((text: string) => Parsed<unknown>)[] = [
    parseAddress,
    parsePublish,
    parseSize,
    parseCpus,
    parseDuration,
    parseRestart,
    parseLabel,
    (text) => parseSince(text, 0),
    (text) => parseEnv(text, {}),
    (text) => parseEnvFile(text, {}),
    (text) => parseFilters([text]),
  ];
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-z:/.=-]{0,12}$/)), (text) => {
      for (const parse of parsers) expect(["parsed", "malformed"]).toContain(parse(text).kind);
    }),
  );
});
