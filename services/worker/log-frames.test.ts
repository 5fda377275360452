import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { createLogFrames, ENTRY_BYTES_MAX } from "./log-frames.ts";
import { RuntimeError } from "./runtime.ts";

const STAMP = "2026-01-02T03:04:05.000000006Z";

const header = (kind: number, length: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(kind, 0);
  bytes.writeUInt32BE(length, 4);
  return bytes;
};

const frame = (kind: number, data: Uint8Array | string, stamp = `${STAMP} `) => {
  const payload = Buffer.concat([Buffer.from(stamp), Buffer.from(data)]);
  return Buffer.concat([header(kind, payload.length), payload]);
};

/** What comes out, with neighbours of one frame told apart only by their size. */
function readAll(chunks: readonly Uint8Array[]) {
  const frames = createLogFrames();
  const entries = [...chunks.flatMap((chunk) => frames.push(chunk)), ...frames.end()];
  return entries.map(({ stream, data, time }) => ({
    stream,
    data: Buffer.from(data).toString("latin1"),
    nanos: time?.nanos,
  }));
}

describe("frames", () => {
  test("become entries with their stream and their time to the nanosecond", () => {
    expect(readAll([frame(1, "out\n"), frame(2, "err\n"), frame(0, "in\n")])).toEqual([
      { stream: LogStream.STDOUT, data: "out\n", nanos: 6 },
      { stream: LogStream.STDERR, data: "err\n", nanos: 6 },
      { stream: LogStream.STDOUT, data: "in\n", nanos: 6 },
    ]);
  });

  test("without a time are passed on whole", () => {
    const line = "a line that begins with no time at all, and is long\n";
    expect(readAll([frame(1, line, ""), frame(1, "short", ""), frame(1, "", "")])).toEqual([
      { stream: LogStream.STDOUT, data: line, nanos: undefined },
      { stream: LogStream.STDOUT, data: "short", nanos: undefined },
    ]);
  });

  test("longer than an entry may be are cut", () => {
    const data = Buffer.alloc(2 * ENTRY_BYTES_MAX + 1, "x");
    expect(readAll([frame(1, data)]).map((entry) => entry.data.length)).toEqual([
      ENTRY_BYTES_MAX,
      ENTRY_BYTES_MAX,
      1,
    ]);
  });

  test("that break off give what came", () => {
    expect(readAll([frame(1, "whole\n").subarray(0, -3)]).map(({ data }) => data)).toEqual(["who"]);
    expect(readAll([frame(1, "whole\n").subarray(0, 12)])).toEqual([]);
    expect(readAll([header(1, 10).subarray(0, 5)])).toEqual([]);
  });

  test("by the ten thousand in one chunk do not exhaust the stack", () => {
    const chunk = Buffer.concat(Array.from({ length: 10_000 }, () => frame(1, "x")));
    expect(readAll([chunk])).toHaveLength(10_000);
  });

  test("that claim 4 GiB are not waited for in memory", () => {
    const frames = createLogFrames();
    expect(frames.push(header(1, 2 ** 32 - 1))).toEqual([]);
    expect(frames.push(Buffer.from(`${STAMP} `))).toEqual([]);
    const chunk = Buffer.alloc(64 * 1024);
    const entryCount = Array.from({ length: 64 }, () => frames.push(chunk).length);
    expect(entryCount.every((count) => count === 4)).toBe(true);
  });

  test.each([
    ["an unknown stream", header(9, 1)],
    ["a stream without headers", Buffer.from("plain text of a terminal")],
  ])("of %s are refused", (_, bytes) => {
    expect(() => readAll([bytes])).toThrow("is no header of a log frame");
  });

  test("in which the engine speaks of its own trouble raise it", () => {
    const trouble = frame(3, "Error grabbing logs: EOF\n", "");
    expect(() => readAll([trouble])).toThrow("read logs: Error grabbing logs: EOF");
  });
});

const anyFrame = fc
  .tuple(
    fc.constantFrom(0, 1, 2),
    fc.oneof(fc.uint8Array({ maxLength: 50 }), fc.constant(new Uint8Array(ENTRY_BYTES_MAX + 7))),
    fc.constantFrom(`${STAMP} `, "", " ", "no-time "),
  )
  .map(([kind, data, stamp]) => frame(kind, data, stamp));

/** Cuts bytes at places that fast-check chooses. */
const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const edges = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length];
  edges.sort((a, b) => a - b);
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
};

test("settles: the same entries, however the frames are chunked", () => {
  fc.assert(
    fc.property(fc.array(anyFrame), fc.array(fc.nat(), { maxLength: 30 }), (frames, places) => {
      const bytes = Buffer.concat(frames);
      expect(readAll(cut(bytes, places))).toEqual(readAll([bytes]));
    }),
  );
});

test("settles: bytes one at a time give what they give together", () => {
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 3 }), (frames) => {
      const bytes = Buffer.concat(frames).subarray(0, 2000);
      const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
      expect(readAll(single)).toEqual(readAll([bytes]));
    }),
    { numRuns: 30 },
  );
});

test("safety: any bytes give entries or a RuntimeError, and lose no byte to a crash", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.uint8Array(), anyFrame)), (chunks) => {
      try {
        const entries = readAll(chunks);
        expect(entries.every(({ data }) => data.length <= ENTRY_BYTES_MAX)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(RuntimeError);
      }
    }),
  );
});
