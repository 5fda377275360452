import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseStoreUrl } from "./store-url.ts";

test.each([
  ["etcd://10.0.0.1:2379", ["10.0.0.1:2379"], "/berth/", undefined],
  ["etcd://10.0.0.1:2379/", ["10.0.0.1:2379"], "/berth/", undefined],
  [
    "etcd://a:1,b.example.org:2,[::1]:3/prod",
    ["a:1", "b.example.org:2", "[::1]:3"],
    "/prod/",
    undefined,
  ],
  ["etcd://berth@a:2379/teams/web-1/", ["a:2379"], "/teams/web-1/", "berth"],
])("reads %s", (text, endpoints, prefix, user) => {
  expect(parseStoreUrl(text)).toEqual({ kind: "parsed", value: { endpoints, prefix, user } });
});

test.each([
  ["a:2379", "must be etcd://HOST:PORT"],
  ["http://a:2379", "must be etcd://HOST:PORT"],
  ["etcd://", "must be etcd://HOST:PORT"],
  ["etcd://a", "is not host:port"],
  ["etcd://a:2379,,b:2379", "is not host:port"],
  ["etcd://a:0", "names no port"],
  ["etcd://@a:2379", "names no user"],
  ["etcd://a:2379/a b", "letters, digits"],
  ["etcd://a:2379//b", "letters, digits"],
  [`etcd://a:2379/${"x".repeat(128)}`, "at most 128 characters"],
  ["etcd://a:2379/berth/data", "named data"],
])("refuses %s", (text, problem) => {
  expect(parseStoreUrl(text)).toMatchObject({
    kind: "malformed",
    problem: expect.stringContaining(problem),
  });
});

test("refuses a password, and never shows it", () => {
  const secret = fc.stringMatching(/^[a-z0-9/:@?#]{0,6}s3cret[a-z0-9/:@?#]{0,6}$/);
  fc.assert(
    fc.property(secret, (password) => {
      for (const scheme of ["etcd://", ""]) {
        const result = parseStoreUrl(`${scheme}user:${password}@a:2379/prod`);
        expect(result.kind).toBe("malformed");
        expect(JSON.stringify(result)).not.toContain("s3cret");
      }
    }),
  );
});
