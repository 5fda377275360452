import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { denied, invalidFields, notFound, unavailable } from "../lib/errors.ts";
import { explainCallError } from "./call-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { runFlagOfField } from "./task-spec-flags.ts";

const explain = (error: ConnectError) => {
  const { message, remedies, exitCode } = explainCallError(error, "127.0.0.1:7070", runFlagOfField);
  return { message, remedies, exitCode };
};

test("every bad field has a line and the name of its flag", () => {
  const error = invalidFields([
    { field: "spec.ports[1].container_port", description: "is 0: must be 1 to 65535" },
    { field: "spec.portside", description: "is unknown" },
    { field: "request_id", description: "is too long" },
  ]);
  expect(explain(error)).toEqual({
    message:
      "--publish: is 0: must be 1 to 65535\nspec.portside: is unknown\n--request-id: is too long",
    remedies: [],
    exitCode: exitCodes.usage,
  });
});

test("a manager out of reach is named, with the words that matter", () => {
  const words =
    "No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:7070. Resolution note: ";
  const { message, remedies, exitCode } = explain(new ConnectError(words, Code.Unavailable));
  expect(message).toBe(
    "cannot reach the manager at 127.0.0.1:7070: connect ECONNREFUSED 127.0.0.1:7070",
  );
  expect(remedies[0]).toContain("berth up");
  expect(exitCode).toBe(exitCodes.unreachable);
});

test("a manager that answers is not called out of reach", () => {
  const error = unavailable("WORKER_UNKNOWN", "worker w1 has not joined", { retryMs: 2000 });
  expect(explain(error)).toEqual({
    message: "worker w1 has not joined",
    remedies: ["try again in 2s"],
    exitCode: exitCodes.unreachable,
  });
});

test.each([
  [notFound("task", "t1"), exitCodes.error],
  [denied("HOST_NETWORK_DENIED", "not allowed"), exitCodes.denied],
  [new ConnectError("who are you", Code.Unauthenticated), exitCodes.denied],
  [new ConnectError("too late", Code.DeadlineExceeded), exitCodes.unreachable],
  [new ConnectError("", Code.Internal), exitCodes.error],
])("%s has its exit code", (error, exitCode) => {
  expect(explain(error).exitCode).toBe(exitCode);
  expect(explain(error).message).not.toBe("");
});
