import { expect, test } from "@jest/globals";
import fc from "fast-check";
import stringWidth from "string-width";
import { formatWrapped, wrapText } from "./wrap.ts";

test("a text is broken at spaces, and within a word only where that is too long", () => {
  expect(wrapText("memory: needs 1 GiB, 2 MiB free", 20)).toEqual([
    "memory: needs 1 GiB,",
    "2 MiB free",
  ]);
  expect(wrapText("an abcdefghij", 4)).toEqual(["an", "abcd", "efgh", "ij"]);
  expect(wrapText("", 4)).toEqual([""]);
});

test("no line is wider than it may be, and no character is lost", () => {
  const characters = fc.constantFrom("a", "b", " ", " ", "é", "漢", "👍");
  const texts = fc.string({ unit: characters, maxLength: 60 });
  fc.assert(
    fc.property(texts, fc.integer({ min: 2, max: 20 }), (text, width) => {
      const lines = wrapText(text, width);
      expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(width);
      expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
    }),
  );
});

test("a last cell goes on below itself, and keeps its own lines apart", () => {
  const columns = [{ title: "ID" }, { title: "WHY" }];
  const rows = [
    ["w1", "not ready: the engine\nports: tcp/80 taken"],
    ["w10", ""],
  ];
  expect(formatWrapped(columns, rows, { headers: true, width: 20 })).toBe(
    [
      "ID    WHY",
      "w1    not ready: the",
      "      engine",
      "      ports: tcp/80 taken",
      "w10",
      "",
    ].join("\n"),
  );
});
