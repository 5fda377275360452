import { expect, test } from "@jest/globals";
import { formatPlatform, parsePlatform, runs } from "./platform.ts";

function platform(text: string) {
  const parsed = parsePlatform(text);
  if (parsed.kind !== "parsed") throw new Error(parsed.explanation);
  return parsed.platform;
}

test.each([
  ["linux", "linux"],
  ["linux/amd64", "linux/amd64"],
  ["linux/x86_64", "linux/amd64"],
  ["linux/aarch64/v8", "linux/arm64/v8"],
])("reads %s as %s", (text, formatted) => {
  expect(formatPlatform(platform(text))).toBe(formatted);
});

test.each([
  ["", "must be os"],
  ["linux/", "must be os"],
  ["/amd64", "must be os"],
  ["Linux", "must be os"],
  ["a/b/c/d", "must be os"],
  ["x".repeat(33), "must be os"],
  ["aarch64", "write linux/arm64"],
])("refuses %p and says why", (text, why) => {
  expect(parsePlatform(text)).toEqual({
    kind: "malformed",
    explanation: expect.stringContaining(why),
  });
});

test.each([
  ["linux/amd64", "linux", true],
  ["linux/amd64", "linux/amd64", true],
  ["linux/amd64", "linux/amd64/v1", true],
  ["linux/amd64", "linux/amd64/v3", false],
  ["linux/amd64", "linux/arm64", false],
  ["linux/amd64", "windows", false],
  ["linux/arm", "linux/arm/v6", true],
  ["linux/arm", "linux/arm/v7", true],
  ["linux/arm64", "linux/arm64/v8", true],
  ["linux/arm64", "linux/arm64/v9", false],
  ["linux/mips", "linux/mips/hardfloat", false],
])("a machine of %s, asked for %s: %p", (machine, needed, answer) => {
  expect(runs(platform(machine), platform(needed))).toBe(answer);
});

test("takes a machine's own word for its architecture", () => {
  expect(runs({ os: "linux", architecture: "x86_64" }, platform("linux/amd64"))).toBe(true);
});
