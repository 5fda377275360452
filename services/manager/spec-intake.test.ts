import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { createSpecIntake } from "./spec-intake.ts";

const OPTIONS = { schedulers: ["spread"], defaultScheduler: "spread" };

const specOf = (init: MessageInitShape<typeof TaskSpecSchema> = {}) =>
  create(TaskSpecSchema, { name: "web", image: "shop/web:1", env: { LOG: "info" }, ...init });

describe("specs that are handed in", () => {
  test("are one object where they are alike, with every default", () => {
    const take = createSpecIntake(OPTIONS);
    const first = take(specOf()).complete("t1");
    expect(take(specOf()).complete("t2")).toBe(first);
    expect(first).toMatchObject({ name: "web", scheduler: "spread" });
  });

  test("are told apart by any part", () => {
    const take = createSpecIntake(OPTIONS);
    const first = take(specOf()).complete("t1");
    const other = take(specOf({ env: { LOG: "debug" } })).complete("t2");
    expect(first.env).toEqual({ LOG: "info" });
    expect(other.env).toEqual({ LOG: "debug" });
  });

  test("are named after their task where they have no name", () => {
    const take = createSpecIntake(OPTIONS);
    const names = ["t1", "t2"].map((id) => take(specOf({ name: "" })).complete(id).name);
    expect(names).toEqual(["t1", "t2"]);
  });

  test("are refused each time where they are not valid", () => {
    const take = createSpecIntake(OPTIONS);
    for (const spec of [specOf({ image: "" }), specOf({ image: "" }), undefined, undefined])
      expect(take(spec).violations).toHaveLength(1);
  });
});
