import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ResourcesSchema } from "../../gen/berth/v1/resources_pb.ts";
import { NetworkMode, PortProtocol, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { withDefaults } from "../task-spec.ts";
import { anyValidSpec } from "../task-spec-arbitrary.ts";
import { amountOf } from "./candidate.ts";
import { demandOf, keyOf } from "./demand.ts";
import { amount, anyDemand, demand } from "./samples.ts";

const specOf = (init: object) =>
  withDefaults(create(TaskSpecSchema, { image: "nginx", ...init }), { taskId: "t-1" });

test("is what is reserved, the fixed ports and the platform", () => {
  const spec = specOf({
    limit: { memoryBytes: 64n << 20n },
    reservation: { cpuMillis: 250n, custom: { licence: { count: 4n }, gpu: { count: 1n } } },
    ports: [
      { containerPort: 80, hostPort: 8080 },
      { containerPort: 53, hostPort: 53, protocol: PortProtocol.UDP },
      { containerPort: 81 },
    ],
    platform: "linux/aarch64",
  });
  expect(demandOf(spec)).toMatchObject({
    amount: amount(250, 64),
    hostPorts: ["tcp/8080", "udp/53"],
    platform: { os: "linux", architecture: "arm64" },
    capabilities: [],
    custom: [
      { name: "gpu", count: 1 },
      { name: "licence", count: 4 },
    ],
  });
});

test("of custom resources says nothing where none are asked for", () => {
  expect(demandOf(specOf({})).custom).toBeUndefined();
});

test("on the worker's own network every port is fixed, and the worker must allow it", () => {
  const spec = specOf({ networkMode: NetworkMode.HOST, ports: [{ containerPort: 80 }] });
  expect(demandOf(spec)).toMatchObject({ hostPorts: ["tcp/80"], capabilities: ["network-host"] });
});

test("can be made of every valid spec", () => {
  fc.assert(
    fc.property(anyValidSpec(), (spec) => {
      const { amount: asked } = demandOf(withDefaults(spec, { taskId: "t-1" }));
      for (const value of Object.values(asked)) expect(Number.isSafeInteger(value)).toBe(true);
    }),
  );
});

test("equal demands and only those have the same key", () => {
  const partsOf = ({ siteKey, kind, ...parts }: ReturnType<typeof demand>) => ({
    ...parts,
    // What counts tasks of its name asks for something else than what counts those of another.
    name: parts.spreads.length > 0 || parts.maxPerWorker !== undefined ? kind.name : "",
    kind: parts.near.length > 0 ? kind : undefined,
    texts: [...parts.conditions, ...parts.affinities.map((each) => each.condition)].map(
      ({ text }) => text,
    ),
  });
  fc.assert(
    fc.property(anyDemand(), anyDemand(), (a, b) => {
      const areEqual = JSON.stringify(partsOf(a)) === JSON.stringify(partsOf(b));
      expect(keyOf(a) === keyOf(b)).toBe(areEqual);
    }),
    { numRuns: 1000 },
  );
  const [one, other] = [demand({ hostPorts: ["b", "a"] }), demand({ hostPorts: ["a", "b"] })];
  expect(keyOf(one)).toBe(keyOf(other));
});

test("an amount never leaves the numbers that are exact", () => {
  expect(amountOf(undefined)).toEqual(amount());
  const huge = create(ResourcesSchema, { memoryBytes: 1n << 62n });
  expect(amountOf(huge).memoryBytes).toBe(Number.MAX_SAFE_INTEGER);
});
