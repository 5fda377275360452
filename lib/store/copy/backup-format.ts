import { createHash } from "node:crypto";
import { assert } from "../../assert.ts";
import { type Entry, StoreError } from "../store.ts";
import { KEY_BYTES_MAX } from "../store-key.ts";
import { createByteReader } from "./byte-reader.ts";
import type { Pages } from "./store-copy.ts";

/**
 * A backup: two lines of text, then the entries in the order of their keys, then an end.
 *
 *   berth-backup 1⏎
 *   {"revision":"17","about":{…}}⏎
 *   of each entry: u16 length of the key, u32 length of the value, u64 revision, key, value
 *   the end: u16 0, u64 number of entries, SHA-256 of all bytes before it
 *
 * Numbers have their highest byte first. Whoever changes this changes `VERSION` and docs/backup.md.
 */
const VERSION = "1";
const MAGIC = "berth-backup ";

/** What a backup says of itself beside the store's revision: words of whoever made it. */
export type About = Readonly<Record<string, string>>;

const LINE_BYTES_MAX = 4_096;
const ENTRY_HEAD_BYTES = 14;
const COUNT_BYTES = 8;
const DIGEST_BYTES = 32;

/** More than any engine takes, and less than memory holds. */
const VALUE_BYTES_MAX = 256 * 2 ** 20;

/** How much is handed on at once. */
const PAGE_ENTRIES = 1_000;
const PAGE_BYTES = 2 ** 20;

export function encodeEntry({ key, value, revision }: Entry): Buffer {
  const keyBytes = Buffer.from(key);
  const bytes = Buffer.allocUnsafe(ENTRY_HEAD_BYTES + keyBytes.length + value.length);
  bytes.writeUInt16BE(keyBytes.length, 0);
  bytes.writeUInt32BE(value.length, 2);
  bytes.writeBigUInt64BE(revision, 6);
  bytes.set(keyBytes, ENTRY_HEAD_BYTES);
  bytes.set(value, ENTRY_HEAD_BYTES + keyBytes.length);
  return bytes;
}

/** The bytes of a backup, some at a time. */
export async function* encodeBackup(
  pages: Pages,
  revision: bigint,
  about: About,
): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  const hashed = (bytes: Buffer): Buffer => {
    hash.update(bytes);
    return bytes;
  };
  const line = JSON.stringify({ revision: String(revision), about });
  const head = Buffer.from(`${MAGIC}${VERSION}\n${line}\n`);
  assert(head.length <= LINE_BYTES_MAX, "what a backup says of itself is short");
  yield hashed(head);
  let count = 0n;
  for await (const page of pages) {
    count += BigInt(page.length);
    yield hashed(Buffer.concat(page.map(encodeEntry)));
  }
  const end = Buffer.alloc(2 + COUNT_BYTES);
  end.writeBigUInt64BE(count, 2);
  yield hashed(end);
  yield hash.digest();
}

/** What a backup holds. The entries can be read once. */
export type Backup = Readonly<{ revision: bigint; about: About; pages: Pages }>;

/**
 * Reads a backup. Throws a StoreError that begins with `name` for anything else. The checksum is
 * looked at in the end only: `pages` throws then.
 */
export async function decodeBackup(chunks: AsyncIterable<Buffer>, name: string): Promise<Backup> {
  const hash = createHash("sha256");
  const reader = createByteReader(chunks, {
    onTaken: (bytes) => hash.update(bytes),
    refuse: () => damaged(name),
  });
  await readMagic(reader, name);
  const { revision, about } = parseHeader(await reader.line(LINE_BYTES_MAX), name);
  return { revision, about, pages: readPages(reader, () => hash.copy().digest(), name) };
}

type Reader = ReturnType<typeof createByteReader>;

async function readMagic(reader: Reader, name: string): Promise<void> {
  const magic = await reader.take(MAGIC.length).catch(() => Buffer.alloc(0));
  if (magic.toString("latin1") !== MAGIC)
    throw new StoreError(`${name} is not a backup of Berth: name what \`berth backup\` wrote`);
  const version = await reader.line(LINE_BYTES_MAX);
  if (version === VERSION) return;
  if (!/^\d{1,9}$/.test(version)) throw damaged(name);
  const known = `is a backup of format ${version} and this version of Berth knows ${VERSION}`;
  throw new StoreError(`${name} ${known}: use the version that wrote it`);
}

function parseHeader(line: string, name: string): Omit<Backup, "pages"> {
  try {
    const { revision, about } = JSON.parse(line);
    const words = Object.entries(about).map(([key, value]) => [key, String(value)] as const);
    return { revision: BigInt(revision), about: Object.fromEntries(words) };
  } catch {
    throw damaged(name);
  }
}

async function* readPages(reader: Reader, digest: () => Buffer, name: string) {
  let count = 0n;
  let last = "";
  let page: Entry[] = [];
  let bytes = 0;
  for (let entry = await readEntry(reader); entry; entry = await readEntry(reader)) {
    count += 1n;
    page.push(entry);
    bytes += entry.value.length;
    if (last !== "" && Buffer.compare(Buffer.from(last), Buffer.from(entry.key)) >= 0)
      throw damaged(name);
    last = entry.key;
    if (page.length < PAGE_ENTRIES && bytes < PAGE_BYTES) continue;
    yield page;
    page = [];
    bytes = 0;
  }
  if (page.length > 0) yield page;
  await readEnd(reader, { digest, count, name });
}

/** The next entry; undefined at the end. */
async function readEntry(reader: Reader): Promise<Entry | undefined> {
  const keyLength = (await reader.take(2)).readUInt16BE();
  if (keyLength === 0) return undefined;
  if (keyLength > KEY_BYTES_MAX) throw reader.refusal();
  const head = await reader.take(ENTRY_HEAD_BYTES - 2);
  const valueLength = head.readUInt32BE();
  if (valueLength > VALUE_BYTES_MAX) throw reader.refusal();
  const revision = head.readBigUInt64BE(4);
  const body = await reader.take(keyLength + valueLength);
  const key = body.toString("utf8", 0, keyLength);
  return { key, revision, value: new Uint8Array(body.subarray(keyLength)) };
}

type End = Readonly<{ digest: () => Buffer; count: bigint; name: string }>;

async function readEnd(reader: Reader, { digest, count, name }: End): Promise<void> {
  const stored = (await reader.take(COUNT_BYTES)).readBigUInt64BE();
  const wanted = digest();
  const found = await reader.take(DIGEST_BYTES);
  if (stored !== count || !wanted.equals(found) || !(await reader.isAtEnd())) throw damaged(name);
}

const damaged = (name: string): StoreError =>
  new StoreError(`${name} is damaged or incomplete: its checksum is wrong; take another backup`);
