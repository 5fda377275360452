import { assert } from "../lib/assert.ts";

/**
 * A place in an encoded message, for those who want a few fields of a great many: a reader that
 * makes nothing, where the library's makes an object and a decoder for each message.
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */
export type Cursor = { readonly bytes: Uint8Array; position: number };

const CONTINUES = 0x80;

/** A varint. Exact below 2^53; what is meant as an enum or a count always is. */
export function readVarint(cursor: Cursor): number {
  let value = 0;
  for (let factor = 1; ; factor *= CONTINUES) {
    const byte = cursor.bytes[cursor.position++];
    assert(byte !== undefined, "a stored message does not end in a number");
    value += (byte % CONTINUES) * factor;
    if (byte < CONTINUES) return value;
  }
}

/** Reads the length of a field of bytes and says where it ends. */
export function readEnd(cursor: Cursor): number {
  const length = readVarint(cursor);
  return cursor.position + length;
}

/** The two halves of a field's tag. */
export const fieldOf = (tag: number): number => tag >>> 3;
const wireTypeOf = (tag: number): number => tag & 7;

/** Passes over the value of a field that has this tag. */
export function skip(cursor: Cursor, tag: number): void {
  switch (wireTypeOf(tag)) {
    case 0:
      readVarint(cursor);
      break;
    case 1:
      cursor.position += 8;
      break;
    case 2:
      cursor.position = readEnd(cursor);
      break;
    default:
      assert(wireTypeOf(tag) === 5, "the contract has no groups");
      cursor.position += 4;
  }
}

/** So many texts are remembered. */
const TEXTS_MAX = 65_536;

/** Reads texts of which most were read before, without making them again. */
export function createTextReader(): (cursor: Cursor) => string {
  const known = new Map<number, string>();
  const decoder = new TextDecoder();

  return (cursor) => {
    const end = readEnd(cursor);
    const start = cursor.position;
    cursor.position = end;
    const hash = hashOf(cursor.bytes, start, end);
    const text = known.get(hash);
    if (text !== undefined && isText(text, cursor.bytes, start, end)) return text;
    const fresh = decoder.decode(cursor.bytes.subarray(start, end));
    if (known.size < TEXTS_MAX) known.set(hash, fresh);
    return fresh;
  };
}

/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash;
}

/** Only of ASCII it can be told without decoding. */
function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= CONTINUES || byte !== text.charCodeAt(at - start)) return false;
  }
  return true;
}
