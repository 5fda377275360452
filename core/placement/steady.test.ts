import { expect, test } from "@jest/globals";
import { amount, metrics, worker } from "./samples.ts";
import { isSteady } from "./steady.ts";

const gpus = (...ids: string[]) => new Map([["gpu", { count: ids.length, ids }]]);

const before = worker("a", {
  capabilities: new Set(["x"]),
  metrics: metrics(10),
  customCapacity: gpus("x", "y"),
});

test.each([
  ["is as it was", {}],
  [
    "was described anew",
    {
      ...{ capabilities: new Set(["x"]), capacity: { ...before.capacity } },
      customCapacity: gpus("x", "y"),
    },
  ],
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
  ["has no custom resources", { customCapacity: undefined }],
  ["has another name", { customCapacity: gpus("x", "z") }],
  ["has the same in another order", { customCapacity: gpus("y", "x") }],
  ["has another number", { customCapacity: new Map([["gpu", { count: 3, ids: [] }]]) }],
])("a worker is not steady that %s", (_, changes) => {
  expect(isSteady(before, { ...before, ...changes })).toBe(false);
});
