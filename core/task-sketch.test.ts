import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { AttemptSchema, TaskSchema, TaskState } from "../gen/berth/v1/task_pb.ts";
import { aPlacedTask, START_MS } from "../test/builders.ts";
import { createTextReader } from "./protobuf-cursor.ts";
import { createSketchReader, sketchOf } from "./task-sketch.ts";
import { toTimestamp } from "./time.ts";

const readSketch = createSketchReader();

const anyState = fc.constantFrom(
  ...Object.values(TaskState).filter((value): value is TaskState => typeof value === "number"),
);

const anyAttempt = fc
  .record({
    number: fc.nat(9),
    workerId: fc.constantFrom("", "w1", "w2", "wörker"),
    state: fc.option(anyState, { nil: undefined }),
    leaveReason: fc.constantFrom("", "w1 drains"),
  })
  .map(({ number, workerId, state, leaveReason }) =>
    create(AttemptSchema, {
      number,
      leaveReason,
      ...(workerId !== "" && {
        placement: { workerId, scheduler: "spread", runnerUps: [{ workerId: "w9", score: 1 }] },
      }),
      ...(state !== undefined && {
        status: { state, containerId: "c1", observeTime: toTimestamp(START_MS) },
      }),
    }),
  );

const anyTask = fc
  .record({
    id: fc.constantFrom("t1", "a-longer-id"),
    state: anyState,
    attempt: fc.option(anyAttempt, { nil: undefined }),
    successor: fc.option(anyAttempt, { nil: undefined }),
    pastAttempts: fc.array(anyAttempt, { maxLength: 5 }),
    updateTime: fc.option(fc.nat(2 ** 42).map(toTimestamp), { nil: undefined }),
  })
  .map(({ attempt, successor, updateTime, ...rest }) => {
    const { attempt: _, updateTime: __, ...spec } = aPlacedTask();
    return {
      ...spec,
      ...rest,
      ...(attempt && { attempt }),
      ...(successor && { successor }),
      ...(updateTime && { updateTime }),
    };
  });

test("reading the sketch of an encoded task is decoding it and sketching it", () => {
  fc.assert(
    fc.property(anyTask, (task) => {
      const bytes = toBinary(TaskSchema, task);
      expect(readSketch(task.id, bytes)).toEqual(sketchOf(fromBinary(TaskSchema, bytes)));
    }),
  );
});

test("fields of a later version are passed over", () => {
  const task = aPlacedTask();
  // Field 1000 of length 3, field 1001 as a number, then 4 and 8 bytes.
  const unknown = [
    ...[0xc2, 0x3e, 3, 1, 2, 3, 0xc8, 0x3e, 7],
    ...[0xd5, 0x3e, 1, 2, 3, 4, 0xd9, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8],
  ];
  const bytes = Uint8Array.from([...unknown, ...toBinary(TaskSchema, task), ...unknown]);
  expect(readSketch(task.id, bytes)).toEqual(sketchOf(task));
});

test("texts that share a hash are told apart, and the same text is read again", () => {
  const read = createTextReader();
  const told = (text: string) => {
    const encoded = new TextEncoder().encode(text);
    return read({ bytes: Uint8Array.from([encoded.length, ...encoded]), position: 0 });
  };
  // Known to share their hash of FNV-1a: "costarring" and "liquid".
  const texts = ["costarring", "liquid", "costarring", "wörker", "wörker", ""];
  expect(texts.map(told)).toEqual(texts);
});
