import { expect, test } from "@jest/globals";
import { createOrigins } from "./mapped-stacks.ts";

/** One line, of which the columns from 4 on come from line 3, column 2 of another file. */
const MAP = JSON.stringify({
  version: 3,
  sources: ["../src/a.ts"],
  names: [],
  // Of each segment: 4 columns on, the first source, 2 lines and 1 column on.
  mappings: "IAEC",
});

test("a position is where somebody wrote what runs there", () => {
  const originOf = createOrigins(() => MAP);
  expect(originOf("file:///app/dist/a.js", { line: 1, column: 5 })).toBe("/app/src/a.ts:3:2");
});

test("a position that no map has is left as it is", () => {
  const originOf = createOrigins(() => MAP);
  expect(originOf("file:///app/dist/a.js", { line: 1, column: 1 })).toBeUndefined();
});

test("what packages do is told as it runs", () => {
  const ofPackages = MAP.replace("../src/a.ts", "../node_modules/a/index.js");
  const originOf = createOrigins(() => ofPackages);
  expect(originOf("file:///app/dist/a.js", { line: 1, column: 5 })).toBeUndefined();
});

test.each([
  [
    "there is no map",
    () => {
      throw new Error("ENOENT");
    },
  ],
  ["a map is not one", () => "{"],
])("a file is asked for its map once, also when %s", (_, read) => {
  const asked: string[] = [];
  const originOf = createOrigins((path) => {
    asked.push(path);
    return read();
  });
  for (const line of [1, 2])
    expect(originOf("file:///app/dist/a.js", { line, column: 1 })).toBeUndefined();
  expect(asked).toEqual(["/app/dist/a.js.map"]);
});
