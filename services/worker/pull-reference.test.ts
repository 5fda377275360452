import { expect, test } from "@jest/globals";
import { pullReference } from "./pull-reference.ts";

test.each([
  ["busybox", "busybox", "latest"],
  ["busybox:1.36", "busybox", "1.36"],
  ["r.example:5000/a/b", "r.example:5000/a/b", "latest"],
  ["r.example:5000/a/b:2", "r.example:5000/a/b", "2"],
  ["busybox@sha256:00ff", "busybox", "sha256:00ff"],
  ["r:5000/busybox:1@sha256:00ff", "r:5000/busybox:1", "sha256:00ff"],
])("%s is %s, %s", (image, fromImage, tag) => {
  expect(pullReference(image)).toEqual({ fromImage, tag });
});
