import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { characterCount, formatBytes, formatCpu, quote, utf8Length } from "./validate-text.ts";

test("counts the bytes that an encoder writes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.nat(20), (text, cut) => {
      const torn = text.slice(cut);
      expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
      expect(utf8Length(torn)).toBe(new TextEncoder().encode(torn).length);
    }),
  );
});

test("counts a character outside the basic plane once", () => {
  expect(characterCount("a😀é")).toBe(3);
});

test("quotes so that nothing breaks out, and cuts what is long", () => {
  expect(quote('a"\n')).toBe('"a\\"\\n"');
  expect(quote("x".repeat(41))).toBe(`"${"x".repeat(40)}"... (41 characters)`);
});

test.each([
  [0, "0 bytes"],
  [1023, "1023 bytes"],
  [1536, "1.5 KiB"],
  [2 ** 30 - 1, "1023.9 MiB"],
  [512 * 2 ** 20, "512 MiB"],
  [2 ** 60, "1024 PiB"],
])("%p bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test("gives CPU in cores", () => {
  expect([250, 1000, 1500].map(formatCpu)).toEqual(["0.25 cores", "1 core", "1.5 cores"]);
});
