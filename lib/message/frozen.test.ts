import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { expect, test } from "@jest/globals";
import { type TaskSpec, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { createFrozenReader, createFrozenWriter, freeze, isFrozenKind } from "./frozen.ts";

const aSpec = (arg: string): TaskSpec =>
  create(TaskSpecSchema, { name: "web", image: "shop/web:1", args: [arg] });

const SMALL = aSpec("x");
const LARGE = aSpec("x".repeat(5_000));

/** A writer that counts how often it really writes. */
function createRig() {
  let writes = 0;
  const write = createFrozenWriter((writer, message) => {
    writes += 1;
    writer.raw(toBinary(TaskSpecSchema, message as TaskSpec));
  });
  const bytesOf = (spec: TaskSpec) => {
    const writer = new BinaryWriter();
    write(writer, spec);
    return writer.finish();
  };
  return { bytesOf, writes: () => writes };
}

test("a spec is of a frozen kind", () => {
  expect(isFrozenKind(TaskSpecSchema)).toBe(true);
});

test.each([
  ["that is frozen is written once", freeze(aSpec("x")), 1],
  ["that is not frozen is written each time", SMALL, 3],
  ["that is large is written each time, frozen or not", freeze(aSpec("x".repeat(5_000))), 3],
])("a message %s", (_what, spec, expected) => {
  const rig = createRig();
  const all = [1, 2, 3].map(() => rig.bytesOf(spec));
  expect(rig.writes()).toBe(expected);
  for (const bytes of all)
    expect(fromBinary(TaskSpecSchema, new BinaryReader(bytes).bytes())).toEqual(spec);
});

test.each([
  ["comes as bytes that were read before is not read again", SMALL, 1],
  ["is large is read each time", LARGE, 3],
])("a message that %s", (_what, spec, expected) => {
  let reads = 0;
  const read = createFrozenReader((reader, end): Message => {
    reads += 1;
    const message = fromBinary(TaskSpecSchema, toBinary(TaskSpecSchema, spec));
    reader.pos = end;
    return message;
  });
  const bytes = new BinaryWriter().bytes(toBinary(TaskSpecSchema, spec)).finish();
  const all = [1, 2, 3].map(() => read(new BinaryReader(bytes)));
  expect(reads).toBe(expected);
  for (const message of all) expect(message).toEqual(spec);
});
