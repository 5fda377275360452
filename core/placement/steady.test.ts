import { expect, test } from "@jest/globals";
import { amount, metrics, worker } from "./samples.ts";
import { isSteady } from "./steady.ts";

const before = worker("a", { capabilities: new Set(["x"]), metrics: metrics(10) });

test.each([
  ["is as it was", {}],
  ["was described anew", { capabilities: new Set(["x"]), capacity: { ...before.capacity } }],
  ["measured something else", { metrics: metrics(20), diskAvailableBytes: 5 }],
  ["was not measured", { metrics: undefined }],
])("a worker is steady that %s", (_, changes) => {
  expect(isSteady(before, { ...before, ...changes })).toBe(true);
});

test.each([
  ["is not ready", { ready: false }],
  ["is not ready for another reason", { notReadyReason: "down" }],
  ["runs another system", { os: "windows" }],
  ["is of another architecture", { architecture: "arm64" }],
  ["runs another version", { version: "9.9.9" }],
  ["has another label", { labels: { zone: "a" } }],
  ["has another label of an operator's", { operatorLabels: { zone: "a" } }],
  ["can do more", { capabilities: new Set(["x", "y"]) }],
  ["can do less", { capabilities: new Set<string>() }],
  ["can do something else", { capabilities: new Set(["y"]) }],
  ["has more CPU", { capacity: amount(4001, 8192, 102_400) }],
  ["has more memory", { capacity: amount(4000, 8193, 102_400) }],
  ["has more disk", { capacity: amount(4000, 8192, 102_401) }],
])("a worker is not steady that %s", (_, changes) => {
  expect(isSteady(before, { ...before, ...changes })).toBe(false);
});
