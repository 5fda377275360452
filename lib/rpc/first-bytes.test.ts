import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { judge } from "./first-bytes.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const HELLO = Buffer.concat([PREFACE, Buffer.from([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3])]);

test("an HTTP/2 client is known by its preface and first frame, and not before", () => {
  const verdicts = Array.from(HELLO, (_, length) => judge(HELLO.subarray(0, length)));
  expect(verdicts.slice(0, 33)).toEqual(Array.from({ length: 33 }, () => "more"));
  expect(judge(HELLO)).toBe("grpc");
});

test("a preface followed by another frame than SETTINGS is nonsense", () => {
  expect(judge(Buffer.concat([PREFACE, Buffer.alloc(9)]))).toBe("nonsense");
});

test.each(["GET / HTTP/1.1", "POST /", "PUT", "PATCH", "PRO"])("%s is HTTP/1.1", (text) => {
  expect(judge(Buffer.from(text))).toBe("http1");
});

test("a verdict, once reached, stands whatever follows", () => {
  const start = fc.oneof(
    fc.uint8Array(),
    fc.constant(HELLO),
    fc.nat(40).map((n) => HELLO.subarray(0, n)),
  );
  fc.assert(
    fc.property(start, fc.uint8Array(), (head, more) => {
      const verdict = judge(Buffer.from(head));
      return verdict === "more" || judge(Buffer.concat([head, more])) === verdict;
    }),
    { seed: 1 },
  );
});
