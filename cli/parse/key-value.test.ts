import { expect, test } from "@jest/globals";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parseEnv, parseEnvFile, parseLabel } from "./key-value.ts";

const environment = { HOME: "/home/me", EMPTY: "" };

test("takes a value as it is, equals signs included", () => {
  expect(valueIn(parseEnv("A=b=c ", environment))).toEqual(["A", "b=c "]);
  expect(valueIn(parseEnv("A=", environment))).toEqual(["A", ""]);
});

test("a bare name passes the caller's own value on", () => {
  expect(valueIn(parseEnv("HOME", environment))).toEqual(["HOME", "/home/me"]);
  expect(valueIn(parseEnv("EMPTY", environment))).toEqual(["EMPTY", ""]);
});

test("a bare name that is not set is refused", () => {
  expect(problemIn(parseEnv("TOKEN", environment))).toBe(
    'is "TOKEN": your environment has no TOKEN: set it, or write TOKEN=VALUE',
  );
});

test("a file's comments and empty lines are skipped", () => {
  expect(valueIn(parseEnvFile('# a comment\r\n\nA="1"\n  HOME\n', environment))).toEqual([
    ["A", '"1"'],
    ["HOME", "/home/me"],
  ]);
});

test("a file's bad line is named", () => {
  expect(problemIn(parseEnvFile("A=1\n=2\n", environment))).toContain('line 2 is "=2"');
});

test("a label may lack its value but not its key", () => {
  expect(valueIn(parseLabel("gpu"))).toEqual(["gpu", ""]);
  expect(problemIn(parseLabel("=a"))).toContain("must be KEY=VALUE");
});
