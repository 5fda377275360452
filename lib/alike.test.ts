import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createAlikes, isAlike } from "./alike.ts";

const anything = fc.anything({ withBigInt: true, withNullPrototype: true });

describe("isAlike", () => {
  test("takes a copy for the same", () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(isAlike(value, structuredClone(value))).toBe(true);
      }),
    );
  });

  test.each([
    ["numbers", { a: 1 }, { a: 2 }],
    ["a number and a bigint", { a: 1 }, { a: 1n }],
    ["a part that is missing", { a: 1, b: undefined }, { a: 1, c: undefined }],
    [
      "a part that is inherited",
      { a: 0, b: 1 },
      Object.assign(Object.create({ b: 1 }), { a: 0, c: 1 }),
    ],
    ["a list and a map", { a: ["x"] }, { a: { 0: "x" } }],
    ["the order of a list", { a: ["x", "y"] }, { a: ["y", "x"] }],
    ["a longer list", { a: ["x"] }, { a: ["x", "y"] }],
    ["nothing and something", { a: undefined }, { a: {} }],
    ["bytes", { a: new Uint8Array([1, 2]) }, { a: new Uint8Array([1, 3]) }],
    ["bytes and a list", { a: new Uint8Array([1]) }, { a: [1] }],
    ["what lies deep", { a: { b: [{ c: "x" }] } }, { a: { b: [{ c: "y" }] } }],
  ])("tells apart %s", (_, a, b) => {
    expect(isAlike(a, b)).toBe(false);
    expect(isAlike(b, a)).toBe(false);
  });

  test("does not look at the order of a map", () => {
    expect(isAlike({ a: { x: 1, y: 2 } }, { a: { y: 2, x: 1 } })).toBe(true);
  });
});

describe("what is remembered of values alike", () => {
  test("is found by a copy, not by another", () => {
    const alikes = createAlikes<object, string>(2);
    alikes.keep({ name: "a", args: ["x"] }, "of a");
    expect(alikes.find({ name: "a", args: ["x"] })).toBe("of a");
    expect(alikes.find({ name: "a", args: ["y"] })).toBeUndefined();
    expect(alikes.find({ name: "a" })).toBeUndefined();
  });

  test("is what was asked for latest", () => {
    const alikes = createAlikes<object, string>(2);
    alikes.keep({ name: "a" }, "of a");
    alikes.keep({ name: "b" }, "of b");
    expect(alikes.find({ name: "a" })).toBe("of a");
    alikes.keep({ name: "c" }, "of c");
    expect(alikes.find({ name: "a" })).toBe("of a");
    expect(alikes.find({ name: "b" })).toBeUndefined();
    expect(alikes.find({ name: "c" })).toBe("of c");
  });
});
