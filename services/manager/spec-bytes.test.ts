import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { type Task, TaskSchema, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { StartTaskRequestSchema } from "../../gen/berth/v1/worker_service_pb.ts";
import { aPlacedTask, aSpec } from "../../test/builders.ts";
import { encodedSpec, encodeTasks, sendWithSpec } from "./spec-bytes.ts";

const encodeTask = (task: Task): Uint8Array => encodeTasks([task])[0] ?? new Uint8Array();

describe("a task", () => {
  test("is decoded as what it was", () => {
    const task = aPlacedTask("t1");
    const decoded = fromBinary(TaskSchema, encodeTask(task));
    expect(decoded).toEqual(fromBinary(TaskSchema, toBinary(TaskSchema, task)));
    expect(decoded.spec?.image).toBe(task.spec?.image);
  });

  test("keeps what a newer version has written", () => {
    const $unknown = [{ no: 9_000, wireType: 0, data: new Uint8Array([7]) }];
    const task = { ...aPlacedTask("t1"), $unknown };
    expect(fromBinary(TaskSchema, encodeTask(task)).$unknown).toEqual($unknown);
  });

  test("may have no spec", () => {
    const task = create(TaskSchema, { id: "t1" });
    expect(fromBinary(TaskSchema, encodeTask(task))).toEqual(task);
  });
});

test("many tasks are encoded as each alone", () => {
  const tasks = Array.from({ length: 50 }, (_, index) =>
    aPlacedTask(`t${index}`, "w1", { args: ["x".repeat(index * 7)] }),
  );
  expect(encodeTasks(tasks)).toEqual(tasks.map(encodeTask));
  expect(encodeTasks([])).toEqual([]);
});

test("a start is decoded with its spec", () => {
  const spec = aSpec({ image: "shop/web:1" }, "web");
  const start = create(StartTaskRequestSchema, { taskId: "t1", attempt: 2 });
  const bytes = toBinary(StartTaskRequestSchema, sendWithSpec(start, spec));
  expect(fromBinary(StartTaskRequestSchema, bytes)).toEqual({ ...start, spec });
});

test("a spec is encoded once, unless it is large", () => {
  const [small, large] = [aSpec({}, "small"), aSpec({ args: ["x".repeat(5_000)] }, "large")];
  expect(encodedSpec(small)).toBe(encodedSpec(small));
  expect(encodedSpec(large)).toEqual(encodedSpec(large));
  expect(encodedSpec(large)).not.toBe(encodedSpec(large));
  expect(fromBinary(TaskSpecSchema, encodedSpec(small).subarray(1)).name).toBe("small");
});
