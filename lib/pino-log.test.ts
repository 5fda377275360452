import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import { StatusSchema } from "../gen/google/rpc/status_pb.ts";
import { invalidFields, unavailable } from "./errors.ts";
import type { LogFields } from "./log.ts";
import { createLog } from "./pino-log.ts";

/** The line that comes of these fields. */
function lineOf(fields: LogFields): Record<string, unknown> {
  const folder = mkdtempSync(join(tmpdir(), "berth-log-"));
  const fd = openSync(join(folder, "log"), "w");
  createLog("debug", fd).info(fields, "an event");
  closeSync(fd);
  const text = readFileSync(join(folder, "log"), "utf8");
  rmSync(folder, { recursive: true });
  return JSON.parse(text) as Record<string, unknown>;
}

describe("an error in the log", () => {
  test("of bad weather is its code, message, reason and cause, and has no stack", () => {
    const cause = Object.assign(new Error("connect refused"), { code: "ECONNREFUSED" });
    const { err } = lineOf({ err: unavailable("NOT_CONNECTED", "no connection", { cause }) });
    expect(err).toEqual({
      type: "ConnectError",
      message: "[unavailable] no connection",
      code: "UNAVAILABLE",
      reason: "NOT_CONNECTED",
      cause: {
        ...{ type: "Error", message: "connect refused", code: "ECONNREFUSED" },
        stack: expect.stringContaining("pino-log.test"),
      },
    });
  });

  test("of a bug has its stack, and no descriptors", () => {
    const details = [{ desc: StatusSchema, value: { message: "a detail" } }];
    const error = new ConnectError("broken", Code.Internal, { "x-token": "t" }, details);
    const line = lineOf({ err: error });
    expect(line["err"]).toEqual({
      ...{ type: "ConnectError", message: "[internal] broken", code: "INTERNAL" },
      stack: expect.stringContaining("pino-log.test"),
    });
  });

  test("does not tell what hangs on it", () => {
    const request = { headers: { authorization: "Bearer hunter2" } };
    const error = Object.assign(new Error("no"), { request, config: { env: "hunter2" } });
    expect(JSON.stringify(lineOf({ err: error }))).not.toContain("hunter2");
  });

  test("tells no password of an URL, in its causes neither", () => {
    const cause = new Error("GET https://me:hunter2@registry.example/v2/ failed");
    const error = new Error("etcd://root:hunter2@10.0.0.1 is away", { cause });
    const line = JSON.stringify(lineOf({ err: error }));
    expect(line).not.toContain("hunter2");
    expect(line).toContain("etcd://…@10.0.0.1 is away");
  });

  test("of causes without end has an end", () => {
    const error = new Error("round");
    error.cause = error;
    expect(JSON.stringify(lineOf({ err: error }))).toContain("round");
  });

  test("names the fields that are wrong", () => {
    const { err } = lineOf({ err: invalidFields([{ field: "a", description: "is bad" }]) });
    expect(err).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "[invalid_argument] a: is bad",
    });
  });
});

test.each(["env", "args", "command", "headers", "authorization", "password", "token"])(
  "what is called %s is not told",
  (name) => {
    const line = JSON.stringify(lineOf({ [name]: "hunter2", spec: { [name]: ["hunter2"] } }));
    expect(line).not.toContain("hunter2");
  },
);
