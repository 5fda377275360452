import { expect, test } from "@jest/globals";
import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import { type EngineWork, isRefusal, toRuntimeError } from "./engine-error.ts";
import { RuntimeError } from "./runtime.ts";

/** An error as docker-modem makes it. */
const refusal = (statusCode: number, words: string) =>
  Object.assign(new Error(`(HTTP code ${statusCode}) unexpected - ${words} `), { statusCode });

const kindOf = (verb: EngineWork["verb"], status: number, words: string) =>
  toRuntimeError({ verb, subject: "x" }, refusal(status, words)).kind;

// The words are those of dockerd 20.10 and runc 1.1.
test.each<[EngineWork["verb"], number, string, RuntimeError["kind"]]>([
  ["create", 404, "No such image: busybox:9", FailureReason.IMAGE_NOT_FOUND],
  ["create", 404, "network web not found", FailureReason.CREATE_FAILED],
  ["create", 400, "invalid reference format", FailureReason.CREATE_FAILED],
  ["create", 500, "mkdir /d/overlay2/x: no space left on device", FailureReason.DISK_FULL],
  ["create", 500, "daemon is shutting down", "engine-unavailable"],
  [
    "start",
    500,
    "driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port is already allocated",
    FailureReason.PORT_CONFLICT,
  ],
  [
    "start",
    500,
    "Error starting userland proxy: listen tcp4 127.0.0.1:80: bind: address already in use",
    FailureReason.PORT_CONFLICT,
  ],
  [
    "start",
    400,
    'exec: "nope": executable file not found in $PATH: unknown',
    FailureReason.START_FAILED,
  ],
  ["start", 400, "unable to find user x: no matching entries", FailureReason.START_FAILED],
  ["start", 404, "No such container: 12ab", FailureReason.REMOVED_EXTERNALLY],
  [
    "start",
    409,
    "container is marked for removal and cannot be started",
    FailureReason.REMOVED_EXTERNALLY,
  ],
  ["start", 500, "connection error: rpc error: code = Unavailable desc = x", "engine-unavailable"],
  ["start", 503, "anything", "engine-unavailable"],
  ["pull", 404, "manifest for a:1 not found: manifest unknown", FailureReason.IMAGE_NOT_FOUND],
  ["pull", 500, "Get https://r/v2/: dial tcp: no such host", FailureReason.IMAGE_PULL_FAILED],
  ["pull", 500, "docker.io/library/a:1: not found", FailureReason.IMAGE_NOT_FOUND],
  [
    "stop",
    500,
    "tried to kill container, but did not receive an exit event",
    FailureReason.STOP_TIMEOUT,
  ],
  ["remove", 500, "driver overlay2 failed to remove root filesystem", "engine-unavailable"],
  ["inspect", 500, "oops", "engine-unavailable"],
])("%s refused with %i %j", (verb, status, words, kind) => {
  expect(kindOf(verb, status, words)).toBe(kind);
});

test("the message names the verb and the thing, in the engine's words, and keeps the cause", () => {
  const cause = refusal(404, "No such image: a:1");
  const error = toRuntimeError({ verb: "create", subject: "berth-t1-1" }, cause);
  expect(error.message).toBe("create berth-t1-1: No such image: a:1");
  expect(error.cause).toBe(cause);
});

test("words without end are cut", () => {
  const error = toRuntimeError({ verb: "start", subject: "x" }, refusal(500, "y".repeat(1e6)));
  expect(error.message.length).toBeLessThan(2100);
});

test.each([
  ["ENOENT", "is it running"],
  ["ECONNREFUSED", "is it running"],
  ["EACCES", "group"],
  ["ECONNRESET", "the engine did not answer: socket trouble"],
])("an engine out of reach by %s is told with what helps", (code, words) => {
  const error = toRuntimeError(
    { verb: "list", subject: "x" },
    Object.assign(new Error("socket trouble"), { code }),
  );
  expect(error).toMatchObject({
    kind: "engine-unavailable",
    message: expect.stringContaining(words),
  });
});

test("an error that is translated already stays as it is", () => {
  const error = new RuntimeError(FailureReason.DISK_FULL, "full");
  expect(toRuntimeError({ verb: "list", subject: "x" }, error)).toBe(error);
});

test("a refusal is known by its status and its words", () => {
  const error = toRuntimeError(
    { verb: "remove", subject: "x" },
    refusal(409, "already in progress"),
  );
  expect(isRefusal(error, 409)).toBe(true);
  expect(isRefusal(error, 409, /in progress/)).toBe(true);
  expect(isRefusal(error, 409, /in use/)).toBe(false);
  expect(isRefusal(error, 404)).toBe(false);
  expect(isRefusal(new Error("other"), 409)).toBe(false);
});

test("what an engine quotes of an argument or an URL is not passed on", () => {
  const words =
    'exec: "--token=hunter2": executable file not found in $PATH; GET https://me:hunter2@r.io/v2/';
  const { message } = toRuntimeError({ verb: "start", subject: "x" }, refusal(400, words));
  expect(message).toBe(
    'start x: exec: "--token=…": executable file not found in $PATH; GET https://…@r.io/v2/',
  );
});
