import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { aSpec } from "../test/builders.ts";
import { specChanges } from "./spec-changes.ts";
import { anyValidSpec } from "./task-spec-arbitrary.ts";

const told = (...specs: Parameters<typeof specChanges>) =>
  specChanges(...specs).map(({ path, before, after }) => `${path}: ${before} > ${after}`);

test("fields are told by their paths, with what they were and are", () => {
  const before = aSpec({ image: "web:1", command: ["sh", "-c"], labels: { app: "a" } });
  const after = aSpec({
    ...{ image: "web:2", command: ["sh"], labels: { app: "b" } },
    limit: { memoryBytes: 64n },
    ports: [{ containerPort: 80, hostPort: 8080 }],
  });
  expect(told(before, after)).toEqual([
    'spec.command: ["sh","-c"] > ["sh"]',
    "spec.image: web:1 > web:2",
    "spec.labels.app: a > b",
    "spec.limit.memory_bytes:  > 64",
    "spec.ports[0].container_port:  > 80",
    "spec.ports[0].host_port:  > 8080",
    "spec.ports[0].protocol:  > PORT_PROTOCOL_TCP",
    "spec.reservation.memory_bytes:  > 64",
  ]);
});

test("values of environment variables are never told", () => {
  const before = aSpec({ env: { KEPT: "tomato", OLD: "tomato", OTHER: "tomato" } });
  const after = aSpec({ env: { KEPT: "tomato", NEW: "potato", OTHER: "potato" } });
  expect(told(before, after)).toEqual([
    "spec.env.NEW:  > a value",
    "spec.env.OLD: a value > ",
    "spec.env.OTHER: a value > another value",
  ]);
});

test("long values are cut so that the difference is seen, and an empty one is told", () => {
  const long = (end: string) => aSpec({ args: [`${"x".repeat(200)}${end}`], labels: { a: end } });
  const [args, label] = specChanges(long("old"), long(""));
  expect(args?.before).toMatch(/^…x+old"\]$/);
  expect(args?.after).toMatch(/^…x+"\]$/);
  expect(label).toMatchObject({ path: "spec.labels.a", before: "old", after: '""' });
});

test("a name that was left out is the task's ID, which is no change", () => {
  expect(told(aSpec({}, "t1"), aSpec({}, "t2"))).toEqual([]);
});

test("any two specs: none of an equal one, values short, and no secret", () => {
  const secretive = anyValidSpec().map((spec) => ({
    ...spec,
    env: Object.fromEntries(Object.keys(spec.env).map((name) => [name, `tomato${name}`])),
  }));
  fc.assert(
    fc.property(secretive, anyValidSpec(), (before, after) => {
      expect(specChanges(before, before)).toEqual([]);
      for (const change of specChanges(before, after)) {
        expect(change.before).not.toBe(change.after);
        expect(change.before).not.toContain("tomato");
        expect(Math.max(change.before.length, change.after.length)).toBeLessThanOrEqual(80);
      }
    }),
  );
});
