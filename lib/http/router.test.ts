import { expect, test } from "@jest/globals";
import { createRouter } from "./router.ts";

const router = createRouter([
  { verb: "GET", path: "/tasks", target: "list" },
  { verb: "POST", path: "/tasks", target: "submit" },
  { verb: "GET", path: "/tasks/{taskId}/logs", target: "logs" },
  { verb: "GET", path: "/openapi.json", target: "document" },
]);

test.each([
  ["GET", "/tasks", "list", []],
  ["HEAD", "/tasks", "list", []],
  ["POST", "/tasks", "submit", []],
  ["GET", "/tasks/a%2Fb%20c/logs", "logs", ["a/b c"]],
])("%s %s is found", (verb, path, target, texts) => {
  expect(router.find(verb, path)).toEqual({ target, texts });
});

test.each([
  ["GET", "/taks", "there is nothing at /taks, did you mean /tasks?"],
  ["GET", "/tasks/", "there is nothing at /tasks/, did you mean /tasks?"],
  ["GET", "/tasks//logs", "there is nothing at /tasks//logs, did you mean"],
  ["GET", "/openapiXjson", "there is nothing at /openapiXjson"],
  ["GET", "/x", "there is nothing at /x: see /api"],
  ["DELETE", "/tasks", "DELETE /tasks: there is GET, HEAD, OPTIONS, POST"],
  ["GET", "/tasks/%ff/logs", "/tasks/%ff/logs is not percent-encoded UTF-8"],
])("%s %s is refused, saying why", (verb, path, message) => {
  expect(() => router.find(verb, path)).toThrow(message);
});
