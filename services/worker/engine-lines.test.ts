import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { createLineReader } from "./engine-lines.ts";

const read = (chunks: readonly (string | Uint8Array)[], lineBytesMax?: number) => {
  const push = createLineReader(lineBytesMax);
  return chunks.flatMap((chunk) => push(Buffer.from(chunk)));
};

const message = (json: object) => ({ kind: "message", message: json });
const garbage = (start: string) => ({ kind: "garbage", start });

test("lines become messages, whatever ends them", () => {
  expect(read(['{"a":1}\r\n\n\r\n{"b":', '"x"}\n'])).toEqual([
    message({ a: 1 }),
    message({ b: "x" }),
  ]);
});

test("a line that is no JSON object is garbage", () => {
  expect(read(["oops\n[1]\nnull\n7\n{}\n"])).toEqual([
    garbage("oops"),
    garbage("[1]"),
    garbage("null"),
    garbage("7"),
    message({}),
  ]);
});

test("a line that is too long is garbage, and the next one is read", () => {
  const chunks = ['{"a":"', "x".repeat(50), "x".repeat(1000), '"}\n{"b":1}\n'];
  expect(read(chunks, 20)).toEqual([garbage(`{"a":"${"x".repeat(50)}`), message({ b: 1 })]);
});

test("a line that was not ended is not read", () => {
  expect(read(['{"a":1}'])).toEqual([]);
});

test("settles: the same messages, however the bytes are chunked", () => {
  const anyMessages = fc.array(fc.record({ text: fc.string({ unit: "grapheme" }) }));
  fc.assert(
    fc.property(anyMessages, fc.array(fc.nat(), { maxLength: 20 }), (messages, places) => {
      const bytes = Buffer.from(messages.map((each) => `${JSON.stringify(each)}\n`).join(""));
      const edges = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length];
      edges.sort((a, b) => a - b);
      const chunks = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
      expect(read(chunks)).toEqual(messages.map(message));
    }),
  );
});

test("safety: no bytes make it throw", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array()), (chunks) => void read(chunks, 16)));
});
