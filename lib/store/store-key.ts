import { AssertionError, assert } from "../assert.ts";

/** Longest key in UTF-8 bytes. etcd and LMDB (1,978 at its 4 KiB pages) both take more. */
export const KEY_BYTES_MAX = 512;

/** How much of a refused key an error message shows. */
const SHOWN_LENGTH_MAX = 80;

/** A key as the bytes that it is stored and ordered by. A key that breaks the rules is a bug. */
export function keyBytes(key: string): Buffer {
  assert(key !== "", "a key is empty: give it at least one character");
  const bytes = textBytes(key);
  if (bytes.length > KEY_BYTES_MAX) {
    const explanation = `has ${bytes.length} bytes: shorten it to ${KEY_BYTES_MAX}`;
    throw new AssertionError(`key ${shown(key)} ${explanation}`);
  }
  return bytes;
}

/** Stops a key that breaks the rules, which is a bug. */
export function assertKey(key: string): void {
  // As many bytes as characters: ASCII, which keys nearly always are.
  const isPlain =
    key !== "" && key.length <= KEY_BYTES_MAX && Buffer.byteLength(key) === key.length;
  if (!isPlain) keyBytes(key);
}

/** A prefix or a page's `after`: as a key, but of any length. */
function textBytes(text: string): Buffer {
  const bytes = Buffer.from(text);
  const isAscii = bytes.length === text.length;
  // Half a surrogate pair becomes U+FFFD, and then two keys would be stored as one.
  if (!isAscii && bytes.toString() !== text)
    throw new AssertionError(`key ${shown(text)} is not well-formed Unicode`);
  return bytes;
}

/** Byte ranges are half open: from `start`, up to but without `end`. No `end` means no limit. */
export type KeyRange = Readonly<{ start: Buffer; end: Buffer | undefined }>;

/** Where the keys lie that begin with `prefix` and come after the key `after`. */
export function keyRange(prefix: string, after: string | undefined): KeyRange {
  const first = textBytes(prefix);
  const start = after === undefined ? first : Buffer.concat([textBytes(after), Buffer.of(0)]);
  return { start: Buffer.compare(start, first) > 0 ? start : first, end: successor(first) };
}

/** The smallest byte string behind everything that begins with `prefix`. */
function successor(prefix: Buffer): Buffer | undefined {
  if (prefix.length === 0) return undefined;
  const end = Buffer.from(prefix);
  // The byte 0xff does not occur in UTF-8, so the last one can always grow.
  end.writeUInt8(end.readUInt8(end.length - 1) + 1, end.length - 1);
  return end;
}

function shown(key: string): string {
  const head = key.slice(0, SHOWN_LENGTH_MAX);
  return JSON.stringify(head === key ? key : `${head}…`);
}
