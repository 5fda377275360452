import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { LogEntrySchema, LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { createEchoFilter } from "./log-echo.ts";

const line = (nanos: number, text = `${nanos}\n`, stream = LogStream.STDOUT) =>
  create(LogEntrySchema, { stream, time: { seconds: 9n, nanos }, data: Buffer.from(text) });

const told = (...entries: ReturnType<typeof line>[]) =>
  createEchoFilter()(entries).map(({ data }) => Buffer.from(data).toString());

test("lines that are said again are left out, up to the first new one", () => {
  const [a, b, c] = [line(1), line(2), line(3)];
  expect(told(a, b, c, b, c, line(4))).toEqual(["1\n", "2\n", "3\n", "4\n"]);
  expect(told(a, b, b, c)).toEqual(["1\n", "2\n", "3\n"]);
});

test("parts of one line have one time and are no repetition", () => {
  const parts = [line(1, "begin "), line(1, "more "), line(1, "end\n")];
  expect(told(...parts, line(2))).toEqual(["begin ", "more ", "end\n", "2\n"]);
  expect(told(...parts, line(2), ...parts, line(2), line(3))).toHaveLength(5);
});

test("a clock that is set back makes nothing a repetition", () => {
  expect(told(line(5), line(6), line(2), line(3))).toEqual(["5\n", "6\n", "2\n", "3\n"]);
});

test("the two streams have times of their own", () => {
  const error = line(1, "oh\n", LogStream.STDERR);
  expect(told(line(1), error, line(2))).toEqual(["1\n", "oh\n", "2\n"]);
});
