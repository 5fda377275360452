import { type DescMessage, getOption, type Message } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { frozen } from "../../gen/berth/v1/options_pb.ts";
import { createRecentMap } from "../recent-map.ts";
import type { Read, Write } from "./read-write.ts";

/** Whether messages of a kind never change once they were made, as the contract says. */
export const isFrozenKind = (schema: DescMessage): boolean => getOption(schema, frozen);

/** How many are remembered of those that were read last: a burst is of a few kinds. */
const READ_MAX = 8;

/** How many are remembered of those that were written: about as many as are on their way somewhere. */
const WRITTEN_MAX = 5_000;

/** Larger ones are not remembered, so that what is has a bound. */
const BYTES_MAX = 4_096;

type Known = Readonly<{ bytes: Buffer; message: Message }>;

/** Reads a message with its length before it. */
export type FrozenReader = (reader: BinaryReader) => Message;

/** Writes a message with its length before it. */
export type FrozenWriter = (writer: BinaryWriter, message: object) => void;

/** Reads messages of a frozen kind: one object for all that came as the same bytes. */
export function createFrozenReader(read: Read): FrozenReader {
  let latest: readonly Known[] = [];
  return (reader) => {
    const bytes = reader.bytes();
    const known = latest.find((one) => one.bytes.equals(bytes));
    if (known) return known.message;
    const message = freeze(read(new BinaryReader(bytes), bytes.length));
    if (bytes.length <= BYTES_MAX)
      latest = [{ bytes: Buffer.from(bytes), message }, ...latest.slice(0, READ_MAX - 1)];
    return message;
  };
}

/** Writes messages of a frozen kind: those that are frozen, once. */
export function createFrozenWriter(write: Write): FrozenWriter {
  const recent = createRecentMap<object, Uint8Array>(WRITTEN_MAX);

  function encode(message: object): Uint8Array {
    const own = new BinaryWriter().fork();
    write(own, message);
    const bytes = own.join().finish();
    if (bytes.length <= BYTES_MAX && Object.isFrozen(message)) recent.set(message, bytes);
    return bytes;
  }

  return (writer, message) => void writer.raw(recent.get(message) ?? encode(message));
}

/** Nothing in it can be changed from now on, but for bytes, which cannot be frozen. */
export function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}

/** A copy that can be changed. */
export function thaw(value: unknown): unknown {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map(thaw);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, thaw(part)]));
}
