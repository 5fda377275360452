import { expect, test } from "@jest/globals";
import type { Candidate } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import { ALL_FILTERS, verdict } from "./filters.ts";
import { amount, demand, worker } from "./samples.ts";

const objections = (candidate: Candidate, asked: Demand) =>
  ALL_FILTERS.flatMap((filter) => {
    const word = verdict(filter, candidate, asked);
    return word.kind === "excluded" ? [word.explanation] : [];
  });

test("an idle worker passes every filter", () => {
  expect(objections(worker("a"), demand({ amount: amount(4000, 8192, 102_400) }))).toEqual([]);
});

test.each<[string, Partial<Candidate>, Partial<Demand>]>([
  ["not ready: lease expired", { ready: false, notReadyReason: "lease expired" }, {}],
  ["not ready: no reason given", { ready: false }, {}],
  [
    "platform: needs linux/arm64, is linux/amd64",
    {},
    { platform: { os: "linux", architecture: "arm64" } },
  ],
  ["capability: lacks network-host", {}, { capabilities: ["network-host"] }],
  [
    "ports: tcp/80 taken",
    { usedPorts: new Set(["tcp/80", "udp/81"]) },
    { hostPorts: ["tcp/80", "tcp/81"] },
  ],
  ["cpu: needs 0.5 cores, 0.25 cores free", { reserved: amount(3750) }, { amount: amount(500) }],
  [
    "memory: needs 512 MiB, 128 MiB free",
    { reserved: amount(0, 8064) },
    { amount: amount(0, 512) },
  ],
  [
    "disk: needs 1 GiB, 100 MiB free",
    { diskAvailableBytes: 100 * 1024 * 1024 },
    { amount: amount(0, 0, 1024) },
  ],
  [
    "disk: needs 1 GiB, 0 bytes free",
    { reserved: amount(0, 0, 103_000) },
    { amount: amount(0, 0, 1024) },
  ],
])("says %s", (explanation, candidate, asked) => {
  expect(objections(worker("a", candidate), demand(asked))).toEqual([explanation]);
});

test("does not hide a small difference by rounding", () => {
  const asked = demand({ amount: { ...amount(), memoryBytes: 1_073_741_825 } });
  expect(objections(worker("a", { capacity: amount(0, 1024) }), asked)).toEqual([
    "memory: needs 1073741825, 1073741824 free",
  ]);
});

test("asks nothing of a full worker for a task that needs nothing", () => {
  expect(objections(worker("a", { reserved: amount(9000, 9000) }), demand())).toEqual([]);
});

test("counts in words that agree with the number", () => {
  const custom = [
    { name: "gpu", count: 2 },
    { name: "licence", count: 1 },
  ];
  const asked = demand({ custom });
  expect(ALL_FILTERS.map((filter) => filter.summarize(1, asked))).toEqual([
    "1 worker not ready",
    "1 worker of another platform",
    "constraints not met by 1 worker",
    "1 worker without a capability it needs",
    "too little gpu or licence on 1 worker",
    "1 worker that would have too many of its name",
    "1 worker with a port it needs taken",
    "1 worker with as many of its name as may be",
    "1 worker too near to other tasks, or too far from them",
    "too little CPU on 1 worker",
    "too little memory on 1 worker",
    "too little disk on 1 worker",
  ]);
  expect(ALL_FILTERS[0]?.summarize(2, asked)).toBe("2 workers not ready");
});
