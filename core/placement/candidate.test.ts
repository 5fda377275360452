import { expect, test } from "@jest/globals";
import { offersMore } from "./candidate.ts";
import { amount, worker } from "./samples.ts";

const before = worker("a", { capabilities: new Set(["x"]), diskAvailableBytes: 5 });

test.each([
  ["is new", undefined, before],
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
  expect(offersMore(from, to)).toBe(true);
});

test("a worker offers no more whose disk is measured at last", () => {
  expect(offersMore({ ...before, diskAvailableBytes: undefined }, before)).toBe(false);
});

test.each([
  ["is as it was", before],
  ["is not ready", { ...before, ready: false, capacity: amount(9999, 9999, 999_999) }],
  ["has less of everything", { ...before, capacity: amount(), diskAvailableBytes: 0 }],
  ["can do less", { ...before, capabilities: new Set<string>() }],
])("a worker offers no more that %s", (_, to) => {
  expect(offersMore(before, to)).toBe(false);
});
