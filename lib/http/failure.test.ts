import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import { invalidFields, notFound, unavailable } from "../errors.ts";
import { failureOf, httpStatusOf } from "./failure.ts";

test("every code has a status of an error", () => {
  const codes = Object.values(Code).filter((code) => typeof code === "number");
  const statuses = codes.map((code) => httpStatusOf(code as Code));
  expect(statuses.every((status) => status >= 400 && status < 600)).toBe(true);
});

describe("an error as JSON", () => {
  test("has the reason and what it is about", () => {
    expect(failureOf(notFound("task", "t1"))).toEqual({
      ...{ status: 404, code: "not_found", reason: "TASK_NOT_FOUND" },
      ...{ message: "task t1 does not exist", violations: [], metadata: { id: "t1" } },
    });
  });

  test("names every bad field", () => {
    const violations = [{ field: "a.b", description: "is 0: must be 1" }];
    const failure = { status: 400, reason: "BAD_FIELDS", violations };
    expect(failureOf(invalidFields(violations))).toMatchObject(failure);
  });

  test("says after how long trying again may help", () => {
    expect(failureOf(unavailable("NOT_LEADER", "wait", { retryMs: 1_500 })).retryAfterMs).toBe(
      1_500,
    );
  });

  test("is cut where it is too long", () => {
    const { message } = failureOf(new ConnectError("x".repeat(10_000), Code.Internal));
    expect(message.length).toBe(2_048);
  });
});
