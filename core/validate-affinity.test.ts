import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ConstraintOperator } from "../gen/berth/v1/affinity_pb.ts";
import { TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import { checkAffinity } from "./validate-affinity.ts";

type Init = MessageInitShape<typeof TaskSpecSchema>;

const check = (init: Init) => [...checkAffinity(create(TaskSpecSchema, { name: "web", ...init }))];

const { IN, NOT_IN, EXISTS, LESS, MATCHES } = ConstraintOperator;

const zoneA = { key: "zone", values: ["a"] };

const times = <T>(count: number, entry: T): T[] => Array.from({ length: count }, () => entry);

test("takes what a task may ask", () => {
  const asked: Init = {
    constraints: [
      zoneA,
      { key: "zone", operator: IN, values: times(64, "a") },
      { key: "worker.hostname", operator: EXISTS },
      { key: "cores", operator: LESS, values: ["-1.5"] },
      { key: "worker.id", operator: MATCHES, values: ["(a+)+b"] },
    ],
    affinities: [
      { constraint: zoneA, weight: -100 },
      { constraint: zoneA, weight: 100 },
    ],
    spreads: [{ key: "zone", maxSkew: 1 }, { key: "worker.os" }],
    taskAffinities: [{ matchLabels: { app: "db" } }, { matchLabels: { a: "" }, key: "zone" }],
    maxPerWorker: 1,
    priority: -1000,
  };
  expect(check(asked)).toEqual([]);
});

const MISTAKES: readonly (readonly [string, string, Init])[] = [
  ["spec.constraints", "33 entries: must be at most 32", { constraints: times(33, zoneA) }],
  ["spec.constraints[0].key", "must be 1 to 63", { constraints: [{ values: ["a"] }] }],
  ["spec.constraints[0].key", "worker.hostname", { constraints: [{ ...zoneA, key: "worker.x" }] }],
  [
    "spec.constraints[0].operator",
    "is 7",
    { constraints: [{ ...zoneA, operator: 7 as ConstraintOperator }] },
  ],
  [
    "spec.constraints[0].values",
    "EQUAL must have 1",
    { constraints: [{ ...zoneA, operator: 10, values: [] }] },
  ],
  [
    "spec.constraints[0].values",
    "EXISTS must have 0",
    { constraints: [{ ...zoneA, operator: EXISTS }] },
  ],
  [
    "spec.constraints[0].values",
    "NOT_IN must have 1 to 64",
    { constraints: [{ key: "zone", operator: NOT_IN }] },
  ],
  [
    "spec.constraints[0].values[0]",
    "must be a number",
    { constraints: [{ key: "a", operator: LESS, values: ["many"] }] },
  ],
  [
    "spec.constraints[0].values[0]",
    "regular expression of RE2",
    { constraints: [{ key: "a", operator: MATCHES, values: ["("] }] },
  ],
  ["spec.constraints[0].values[0]", "NUL", { constraints: [{ key: "a", values: ["\0"] }] }],
  [
    "spec.constraints[0].values[0]",
    "257 characters",
    { constraints: [{ key: "a", values: ["b".repeat(257)] }] },
  ],
  ["spec.affinities[0].constraint", "is required", { affinities: [{ weight: 1 }] }],
  ["spec.affinities[0].weight", "not 0", { affinities: [{ constraint: zoneA }] }],
  ["spec.affinities[0].weight", "is 101", { affinities: [{ constraint: zoneA, weight: 101 }] }],
  ["spec.spreads", "5 entries", { spreads: [..."abcde"].map((key) => ({ key })) }],
  ["spec.spreads[0].max_skew", "is 0", { spreads: [{ key: "zone", maxSkew: 0 }] }],
  ["spec.spreads[1].key", "once more", { spreads: times(2, { key: "zone" }) }],
  ["spec.task_affinities[0].match_labels", "0 entries", { taskAffinities: [{ key: "zone" }] }],
  [
    'spec.task_affinities[0].match_labels["A"]',
    "must be 1 to 63",
    { taskAffinities: [{ matchLabels: { A: "" } }] },
  ],
  ["spec.max_per_worker", "is 0: must be 1 to 10000", { maxPerWorker: 0 }],
  ["spec.priority", "is 1001: must be -1000 to 1000", { priority: 1001 }],
  ["spec.name", "count tasks of one name", { name: "", maxPerWorker: 1 }],
];

test.each(MISTAKES)("names %s: %s", (field, words, init) => {
  expect(check(init)).toEqual([{ field, description: expect.stringContaining(words) }]);
});

test("a pattern takes no longer for being wicked", () => {
  const constraints = [{ key: "a", operator: MATCHES, values: ["(a*)*(a*)*(a*)*b"] }];
  expect(check({ constraints })).toEqual([]);
});

test("never throws, whatever is asked", () => {
  const anyConstraint = fc.record({
    key: fc.string({ unit: "binary" }),
    operator: fc.integer({ min: 0, max: 100 }),
    values: fc.array(fc.string({ unit: "binary", maxLength: 300 })),
  });
  const anything = fc.record({
    name: fc.string(),
    constraints: fc.array(anyConstraint),
    affinities: fc.array(fc.record({ constraint: anyConstraint, weight: fc.integer() })),
    spreads: fc.array(fc.record({ key: fc.string(), maxSkew: fc.nat() })),
    taskAffinities: fc.array(
      fc.record({ key: fc.string(), matchLabels: fc.dictionary(fc.string(), fc.string()) }),
    ),
    maxPerWorker: fc.nat(),
    priority: fc.integer(),
  });
  fc.assert(
    fc.property(anything, (init) => {
      for (const { description } of check(init)) expect(description.length).toBeLessThan(700);
    }),
  );
});
