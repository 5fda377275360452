import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "@jest/globals";
import { validateGrace, validateId, validatePage, validateRequestId } from "./validate.ts";

test.each(["a", "0-9", "-", "a".repeat(64)])("takes the ID %p", (id) => {
  expect(validateId("task_id", id)).toEqual([]);
});

test.each(["A", "a_b", "a b", "a\n", "é", "a".repeat(65)])("refuses the ID %p", (id) => {
  expect(validateId("task_id", id)).toHaveLength(1);
});

test("says of an absent ID that it is required", () => {
  expect(validateId("task_id", "")).toEqual([
    { field: "task_id", description: "is required: name one" },
  ]);
});

test.each(["", " ~", "x".repeat(128)])("takes the request ID %p", (id) => {
  expect(validateRequestId("request_id", id)).toEqual([]);
});

test.each(["\t", "é", "a\n", "x".repeat(129)])("refuses the request ID %p", (id) => {
  expect(validateRequestId("request_id", id)).toMatchObject([{ field: "request_id" }]);
});

test.each([
  [0, 100],
  [1, 1],
  [1000, 1000],
  [1001, 1000],
])("a page of %p holds %p", (asked, size) => {
  expect(validatePage(asked)).toEqual({ violations: [], size });
});

test("refuses a page of less than nothing", () => {
  expect(validatePage(-1).violations).toEqual([
    { field: "page_size", description: "is -1: must be 1 to 1000, or 0 for 100" },
  ]);
});

test.each([
  [0n, 0, 0],
  [3600n, 0, 0],
  [3600n, 1, 1],
  [3601n, 0, 1],
  [0n, -1, 1],
  [-1n, 0, 1],
  [1n, 1_000_000_000, 1],
])("a grace of %p s and %p ns breaks %p rules", (seconds, nanos, count) => {
  const grace = create(DurationSchema, { seconds, nanos });
  expect(validateGrace("grace", grace)).toHaveLength(count);
});

test("takes an absent grace", () => {
  expect(validateGrace("grace", undefined)).toEqual([]);
});
