import { expect, test } from "@jest/globals";
import { observedOf } from "./candidate.ts";
import { amount, worker } from "./samples.ts";

const before = worker("a", { capabilities: new Set(["x"]), diskAvailableBytes: 5 });

test.each([
  ["became ready", { ...before, ready: false }, before],
  ["has more CPU", before, { ...before, capacity: amount(4001, 8192, 102_400) }],
  ["has more of one thing and less of another", before, { ...before, capacity: amount(0, 9999) }],
  ["has more disk left", before, { ...before, diskAvailableBytes: 6 }],
  [
    "is no longer measured to have little disk left",
    before,
    { ...before, diskAvailableBytes: undefined },
  ],
  ["can do more", before, { ...before, capabilities: new Set(["y"]) }],
  ["is of another architecture", before, { ...before, architecture: "arm64" }],
])("a worker offers more that %s", (_, from, to) => {
  expect(observedOf(from, to)).toBe("more");
});

test("a worker offers no more whose disk is measured at last", () => {
  expect(observedOf({ ...before, diskAvailableBytes: undefined }, before)).toBe("same");
});

test.each([
  ["is as it was", before],
  ["has less of everything", { ...before, capacity: amount(), diskAvailableBytes: 0 }],
  ["can do less", { ...before, capabilities: new Set<string>() }],
])("a worker offers no more that %s", (_, to) => {
  expect(observedOf(before, to)).toBe("same");
});

test("a worker that takes tasks no longer is different, whatever more it has", () => {
  const after = { ...before, ready: false, capacity: amount(9999, 9999, 999_999) };
  expect(observedOf(before, after)).toBe("different");
});
