import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseImageReference } from "./image-reference.ts";

const SHA = `sha256:${"0".repeat(64)}`;

test.each([
  ["nginx", { path: "nginx" }],
  ["nginx:1.27", { path: "nginx", tag: "1.27" }],
  ["library/nginx", { path: "library/nginx" }],
  ["localhost/nginx", { host: "localhost", path: "nginx" }],
  ["localhost:5000", { path: "localhost", tag: "5000" }],
  ["localhost:5000/nginx", { host: "localhost", port: 5000, path: "nginx" }],
  ["ghcr.io/a/b:c", { host: "ghcr.io", path: "a/b", tag: "c" }],
  ["REG/nginx", { host: "REG", path: "nginx" }],
  ["[::1]:5000/a/b", { host: "[::1]", port: 5000, path: "a/b" }],
  ["[::1]/a", { host: "[::1]", path: "a" }],
  [`a/b:c@${SHA}`, { path: "a/b", tag: "c", digest: SHA }],
  [`${"a".repeat(255)}:${"t".repeat(128)}`, { path: "a".repeat(255), tag: "t".repeat(128) }],
])("reads %s", (text, reference) => {
  expect(parseImageReference(text)).toEqual({ kind: "parsed", reference });
});

test.each([
  ["", "is required"],
  ["Nginx", "must be lower-case"],
  ["nginx ", "must be lower-case"],
  ["a//b", "is empty"],
  ["/a", "is empty"],
  ["a/", "is empty"],
  ["-a", "must be lower-case"],
  ["a..b/c", "must be the name of a host"],
  ["x/a..b", "must be lower-case"],
  ["a___b", "must be lower-case"],
  ["a:", "the tag"],
  ["a:-b", "the tag"],
  [`a:${"t".repeat(129)}`, "the tag"],
  ["a:1:2", "must be lower-case"],
  ["host.:80/a", "must be the name of a host"],
  ["-h.io/a", "must be the name of a host"],
  ["h.io:/a", "the port"],
  ["h.io:0/a", "the port"],
  ["h.io:65536/a", "the port"],
  ["h.io:80:80/a", "the port"],
  ["[::g]/a", "must be the name of a host"],
  ["a@", "the digest"],
  ["a@sha256:00", "the digest"],
  [`a@md5:${"0".repeat(64)}`, "the digest"],
  [`a@${SHA.toUpperCase()}`, "the digest"],
  [`a@${SHA}@${SHA}`, "the digest"],
  ["0".repeat(64), "name an image ID"],
  ["a".repeat(256), "at most 255"],
  ["https://ghcr.io/a", "the port"],
])("refuses %p and says why", (text, why) => {
  const parsed = parseImageReference(text);
  expect(parsed).toEqual({ kind: "malformed", explanation: expect.stringContaining(why) });
});

test("agrees with the grammar of distribution/reference", () => {
  const component = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*";
  const remote = new RegExp(
    `^${component}(?:/${component})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$`,
  );
  const piece = fc.constantFrom("a", "b1", "/", ".", "_", "-", ":", "A");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
      const text = `x/${pieces.join("")}`;
      expect(parseImageReference(text).kind).toBe(remote.test(text) ? "parsed" : "malformed");
    }),
    { numRuns: 2000 },
  );
});
