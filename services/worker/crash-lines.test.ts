import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { LogEntrySchema, LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { createLastLines, LINE_BYTES_MAX, LINES_BYTES_MAX, LINES_MAX } from "./crash-lines.ts";

const { STDOUT, STDERR } = LogStream;

const entry = (data: string | Uint8Array, stream = STDOUT) =>
  create(LogEntrySchema, { stream, data: Buffer.from(data) });

function last(...entries: readonly ReturnType<typeof entry>[]) {
  const lines = createLastLines();
  lines.add(entries);
  return lines.end();
}

const textsOf = ({ lines }: ReturnType<typeof last>) => lines.map(({ text }) => text);

test("lines are told without their ends, the last one also where it has none", () => {
  expect(textsOf(last(entry("one\n"), entry("two\r\n"), entry("three")))).toEqual([
    "one",
    "two",
    "three",
  ]);
  expect(last()).toEqual({ lines: [], hasEarlierLines: false });
});

test("pieces of a long line are one line, also where the other stream is written in between", () => {
  const told = last(entry("ab"), entry("oh\n", STDERR), entry("cd\n"));
  expect(told.lines.map(({ text, stream }) => [text, stream])).toEqual([
    ["oh", STDERR],
    ["abcd", STDOUT],
  ]);
});

test("only the last lines are kept, and it is said that there were more", () => {
  const all = Array.from({ length: LINES_MAX + 1 }, (_, i) => entry(`line ${i}\n`));
  const told = last(...all);
  expect([told.lines.length, told.hasEarlierLines]).toEqual([LINES_MAX, true]);
  expect(told.lines[0]?.text).toBe("line 1");
  expect(last(...all.slice(1)).hasEarlierLines).toBe(false);
});

test("of a long line the beginning is kept, whole characters only", () => {
  const [text = ""] = textsOf(last(entry("é".repeat(400)), entry("é".repeat(400)), entry("x\n")));
  expect(text).toBe("é".repeat(LINE_BYTES_MAX / 2));
});

test("whatever is written, what is told is text and within its bounds", () => {
  const piece = fc.oneof(fc.uint8Array({ maxLength: 3_000 }), fc.constant(Buffer.from("\n")));
  const pieces = fc.array(fc.tuple(piece, fc.constantFrom(STDOUT, STDERR)), { maxLength: 60 });
  fc.assert(
    fc.property(pieces, (written) => {
      const { lines } = last(...written.map(([data, stream]) => entry(data, stream)));
      const sizes = lines.map(({ text }) => Buffer.byteLength(text));
      expect(lines.length).toBeLessThanOrEqual(LINES_MAX);
      expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(LINE_BYTES_MAX);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(LINES_BYTES_MAX);
    }),
  );
});
