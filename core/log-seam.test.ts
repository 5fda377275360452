import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { LogEntrySchema, LogStream } from "../gen/berth/v1/log_entry_pb.ts";
import { createLogSeam } from "./log-seam.ts";

const entry = (nanos: number, stream = LogStream.STDOUT) =>
  create(LogEntrySchema, { stream, time: { seconds: 5n, nanos }, data: new Uint8Array([nanos]) });

test("readings that overlap, each from where the last is known to have been, are the log", () => {
  const steps = fc.array(
    fc.record({ stream: fc.constantFrom(LogStream.STDOUT, LogStream.STDERR), parts: fc.nat(2) }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(steps, fc.array(fc.nat(100), { maxLength: 5 }), (lines, cuts) => {
      const log = lines.flatMap(({ stream, parts }, index) =>
        Array.from({ length: parts + 1 }, () => entry(index + 1, stream)),
      );
      const seam = createLogSeam();
      const told: unknown[] = [];
      for (const end of cuts.sort((a, b) => a - b)) {
        seam.begin();
        told.push(...seam.pass(log.slice(0, end)));
      }
      seam.begin();
      told.push(...seam.passLast(log));
      expect(told).toEqual(log);
    }),
  );
});

test("what one stream wrote late is new, however far the other one is", () => {
  const seam = createLogSeam();
  seam.pass([entry(1), entry(9, LogStream.STDERR)]);
  seam.begin();
  const late = entry(4);
  expect(seam.pass([entry(1), entry(9, LogStream.STDERR), late])).toEqual([late]);
});

test("the next reading begins a bit before the last entry", () => {
  const seam = createLogSeam();
  expect(seam.sinceMs()).toBeUndefined();
  seam.pass([entry(1_000_000)]);
  expect(seam.sinceMs()).toBe(4_001);
});

test("an entry without a time is never held back", () => {
  const seam = createLogSeam();
  const timeless = create(LogEntrySchema, { stream: LogStream.STDOUT });
  seam.pass([timeless]);
  seam.begin();
  expect(seam.pass([timeless])).toEqual([timeless]);
});
