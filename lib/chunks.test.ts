import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { chunks } from "./chunks.ts";

const limits = { entriesMax: 3, bytesMax: 10, sizeOf: (size: number) => size };

test("parts end at the limit of entries and at that of bytes", () => {
  expect([...chunks([1, 1, 1, 1, 9, 2], limits)]).toEqual([[1, 1, 1], [1, 9], [2]]);
});

test("an item too large for any part gets its own", () => {
  expect([...chunks([1, 99, 1], limits)]).toEqual([[1], [99], [1]]);
});

test("nothing is lost, moved or over the limits", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(12)), (items) => {
      const parts = [...chunks(items, limits)];
      expect(parts.flat()).toEqual(items);
      for (const part of parts) {
        const bytes = part.reduce((sum, size) => sum + size, 0);
        expect(part.length === 1 || (part.length <= 3 && bytes <= 10)).toBe(true);
      }
    }),
  );
});
