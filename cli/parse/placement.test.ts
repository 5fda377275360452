import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { constraintText } from "../../core/placement/constraint.ts";
import { ConstraintSchema } from "../../gen/berth/v1/affinity_pb.ts";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parseAffinity, parseConstraint, parseSpread, parseTaskAffinity } from "./placement.ts";

test.each([
  ["zone=a", "zone=a"],
  ["zone==a", "zone=a"],
  ["zone = a b", "zone=a b"],
  ["zone=", "zone="],
  ["zone!=a", "zone!=a"],
  ["zone in (a,b)", "zone in (a, b)"],
  ["zone not in ( a )", "zone not in (a)"],
  ["gpu", "gpu"],
  ["!gpu", "!gpu"],
  ["cores>8", "cores>8"],
  ["cores < 8.5", "cores<8.5"],
  ["worker.hostname~web-(a|b)=.*", "worker.hostname~web-(a|b)=.*"],
])("a constraint %j is read as %s", (text, said) => {
  expect(constraintText(create(ConstraintSchema, valueIn(parseConstraint(text)) as object))).toBe(
    said,
  );
});

test.each(["", "=a", "zone in a", "a b", "(a)"])("a constraint %j is refused", (text) => {
  expect(problemIn(parseConstraint(text))).toContain("must be KEY=VALUE, KEY!=VALUE");
});

test("an affinity is a constraint with a weight, 50 where there is none", () => {
  expect(valueIn(parseAffinity("zone=a:b"))).toMatchObject({
    constraint: { values: ["a:b"] },
    weight: 50,
  });
  expect(valueIn(parseAffinity("zone in (a,b):-7"))).toMatchObject({ weight: -7 });
  expect(problemIn(parseAffinity(":5"))).toContain(":WEIGHT");
});

test("a spread has a key, and may have a skew", () => {
  expect(valueIn(parseSpread("zone"))).toEqual({ key: "zone" });
  expect(valueIn(parseSpread("zone:2"))).toEqual({ key: "zone", maxSkew: 2 });
  for (const text of ["", ":1", "zone:x", "zone:1:2"])
    expect(problemIn(parseSpread(text))).toContain("KEY:SKEW");
});

test("an affinity to tasks has labels, and may have a key", () => {
  expect(valueIn(parseTaskAffinity("app=db"))).toEqual({ matchLabels: { app: "db" }, key: "" });
  expect(valueIn(parseTaskAffinity("app=db,tier=1@zone"))).toEqual({
    matchLabels: { app: "db", tier: "1" },
    key: "zone",
  });
  for (const text of ["", "app", "=db", "app=db@a@b", "a=b=c"])
    expect(problemIn(parseTaskAffinity(text))).toContain("LABEL=VALUE");
});
