import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { ConstraintOperator, ConstraintSchema } from "../../gen/berth/v1/affinity_pb.ts";
import { conditionOf } from "./constraint.ts";
import { worker } from "./samples.ts";

const { EQUAL, NOT_EQUAL, IN, NOT_IN, EXISTS, NOT_EXISTS, LESS, GREATER, MATCHES } =
  ConstraintOperator;

const condition = (key: string, operator: ConstraintOperator, values: string[] = []) =>
  conditionOf(create(ConstraintSchema, { key, operator, values }));

const labelled = worker("w1", {
  hostname: "big-7",
  labels: { zone: "a", cores: "16", rack: "r1" },
  operatorLabels: { rack: "r2", constructor: "acme" },
});

test.each<readonly [boolean, string, ConstraintOperator, string[]]>([
  [true, "zone", EQUAL, ["a"]],
  [false, "zone", EQUAL, ["A"]],
  [false, "disk", EQUAL, [""]],
  [true, "zone", NOT_EQUAL, ["b"]],
  [true, "disk", NOT_EQUAL, ["ssd"]],
  [true, "zone", IN, ["b", "a"]],
  [false, "disk", IN, ["ssd", ""]],
  [false, "zone", NOT_IN, ["b", "a"]],
  [true, "disk", NOT_IN, ["ssd"]],
  [true, "zone", EXISTS, []],
  [false, "disk", EXISTS, []],
  [true, "disk", NOT_EXISTS, []],
  [true, "cores", GREATER, ["8"]],
  [false, "cores", GREATER, ["16"]],
  [true, "cores", LESS, ["16.5"]],
  [false, "zone", LESS, ["16"]],
  [true, "zone", MATCHES, ["[ab]"]],
  [false, "rack", MATCHES, ["r"]],
  [true, "rack", EQUAL, ["r2"]],
  [true, "worker.id", EQUAL, ["w1"]],
  [true, "worker.hostname", MATCHES, ["big-[0-9]+"]],
  [true, "worker.architecture", EQUAL, ["amd64"]],
  [true, "constructor", EQUAL, ["acme"]],
  [false, "tostring", EXISTS, []],
])("it is %s of the worker that %s %s %j", (expected, key, operator, values) => {
  expect(condition(key, operator, values).holds(labelled)).toBe(expected);
});

test("says what it needs and what there is", () => {
  expect(condition("zone", EQUAL, ["b"]).explain(labelled)).toBe("needs zone=b, has zone=a");
  expect(condition("disk", IN, ["a", "b"]).explain(labelled)).toBe(
    "needs disk in (a, b), has no disk",
  );
});

test("takes linear time for a pattern that backtracking would never end", () => {
  const wicked = condition("a", MATCHES, ["(a*)*(a*)*(a*)*b"]);
  expect(wicked.holds(worker("w", { labels: { a: "a".repeat(256) } }))).toBe(false);
});
