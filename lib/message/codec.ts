import {
  create,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  createFrozenReader,
  createFrozenWriter,
  type FrozenReader,
  type FrozenWriter,
  isFrozenKind,
  thaw,
} from "./frozen.ts";
import { isPlain } from "./plain-schema.ts";
import type { Read, Write } from "./read-write.ts";
import { readerCode } from "./reader-code.ts";
import { writerCode } from "./writer-code.ts";

/**
 * A message, or what one is made of, as bytes: the same bytes as the library's. Missing fields, lists
 * and messages need not be filled in first.
 */
export function encodeMessage<T extends DescMessage>(
  schema: T,
  message: MessageInitShape<T>,
): Uint8Array {
  const write = writerOf(schema);
  return write ? written(write, message) : toBinary(schema, create(schema, message));
}

/** What `encodeMessage` made bytes of. Throws when they are no such message. */
export function decodeMessage<T extends DescMessage>(
  schema: T,
  bytes: Uint8Array,
): MessageShape<T> {
  const read = readerOf(schema);
  if (!read) return fromBinary(schema, bytes);
  return read(new BinaryReader(bytes), bytes.length) as MessageShape<T>;
}

/** One for all: it keeps its memory from message to message. */
let writer = new BinaryWriter();

/** A writer that has grown beyond this is given up. */
const KEPT_BYTES_MAX = 1 << 20;

function written(write: Write, message: object): Uint8Array {
  try {
    write(writer, message);
  } catch (error) {
    // It holds half a message.
    writer = new BinaryWriter();
    throw error;
  }
  const bytes = writer.finish();
  if (bytes.length > KEPT_BYTES_MAX) writer = new BinaryWriter();
  return bytes;
}

const readers = new WeakMap<DescMessage, Read>();
const writers = new WeakMap<DescMessage, Write>();
const plain = new WeakMap<DescMessage, boolean>();

function isKnownPlain(schema: DescMessage): boolean {
  const known = plain.get(schema) ?? isPlain(schema);
  plain.set(schema, known);
  return known;
}

const readerOf = (schema: DescMessage): Read | undefined =>
  readers.get(schema) ?? (isKnownPlain(schema) ? makeReader(schema) : undefined);

const writerOf = (schema: DescMessage): Write | undefined =>
  writers.get(schema) ?? (isKnownPlain(schema) ? makeWriter(schema) : undefined);

function makeReader(schema: DescMessage): Read {
  const { source, children } = readerCode(schema);
  const tools = { keep, put, overrun, thaw };
  const reads = children.map((child) => readers.get(child) ?? makeReader(child));
  const frozen = children.map((child) => isFrozenKind(child) && frozenReaderOf(child));
  const names = [...Object.keys(tools), ...numbered("read", reads), ...numbered("frozen", frozen)];
  const make = new Function(...names, `return function read(r, end, m) {\n${source}\n}`);
  const read: Read = make(...Object.values(tools), ...reads, ...frozen);
  readers.set(schema, read);
  return read;
}

function makeWriter(schema: DescMessage): Write {
  const { source, children } = writerCode(schema);
  const writes = children.map((child) => writers.get(child) ?? makeWriter(child));
  const frozen = children.map((child) => isFrozenKind(child) && frozenWriterOf(child));
  const names = [...numbered("write", writes), ...numbered("frozen", frozen)];
  const make = new Function(...names, `return function write(w, m) {\n${source}\n}`);
  const write: Write = make(...writes, ...frozen);
  writers.set(schema, write);
  return write;
}

const numbered = (name: string, all: readonly unknown[]): readonly string[] =>
  all.map((_, index) => `${name}${index}`);

/** What is read as a part of one message is the same in another. */
const frozenReaders = new WeakMap<DescMessage, FrozenReader>();
const frozenWriters = new WeakMap<DescMessage, FrozenWriter>();

function frozenReaderOf(schema: DescMessage): FrozenReader {
  const known = frozenReaders.get(schema) ?? createFrozenReader(makeReader(schema));
  frozenReaders.set(schema, known);
  return known;
}

function frozenWriterOf(schema: DescMessage): FrozenWriter {
  const known = frozenWriters.get(schema) ?? createFrozenWriter(makeWriter(schema));
  frozenWriters.set(schema, known);
  return known;
}

/** A field that the schema does not know is kept as it came, and written again. */
function keep(message: Message | undefined, reader: BinaryReader, tag: number): void {
  const [no, wireType] = [tag >>> 3, tag & 7];
  if (no === 0 || wireType > WireType.Bit32)
    throw new Error(`illegal tag: field ${no}, wire type ${wireType}`);
  const data = reader.skip(wireType, no);
  if (!message) return;
  message.$unknown ??= [];
  message.$unknown.push({ no, wireType, data });
}

/** A key may be `__proto__`, which must not become one. */
function put(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") map[key] = value;
  else
    Object.defineProperty(map, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
}

function overrun(): never {
  throw new RangeError("a field goes beyond the end of its message");
}
