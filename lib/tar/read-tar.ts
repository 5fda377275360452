import { type ByteReader, createByteReader } from "./byte-reader.ts";
import { BLOCK_BYTES, paddingOf, type TarEntry, TarError } from "./tar-entry.ts";
import { readHeader, type TarHeader } from "./tar-header.ts";

/** One thing of an archive. `content` is to be read before the next one is asked for, or not at all. */
export type TarItem = Readonly<{ entry: TarEntry; content: AsyncIterable<Uint8Array> }>;

/** What one entry says beside its header: names, records. */
const META_BYTES_MAX = 1024 * 1024;

/**
 * What is in a tar archive (ustar, with the extensions of POSIX and GNU), read no faster than it is
 * taken. Throws a `TarError` when it is none, or is cut off.
 */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<TarItem, void, undefined> {
  const reader = createByteReader(chunks);
  let said: Partial<TarEntry> = {};
  try {
    for (let header = await next(reader); header; header = await next(reader)) {
      const read = META[header.type];
      if (read) {
        said = { ...said, ...read(await metaOf(reader, header)) };
        continue;
      }
      const { type: _, ...plain } = header;
      yield* itemOf(reader, entryOf({ ...plain, ...said }));
      said = {};
    }
    // What follows the end is filling: the sender is not left with it.
    for await (const _ of reader.pass(Number.MAX_SAFE_INTEGER));
  } finally {
    await reader.close();
  }
}

async function next(reader: ByteReader): Promise<TarHeader | undefined> {
  const block = await reader.take(BLOCK_BYTES);
  if (block.length < BLOCK_BYTES) throw cutOff();
  return readHeader(block);
}

const cutOff = () => new TarError("the archive is cut off");

function entryOf(said: TarEntry): TarEntry {
  const isLink = said.kind === "link" || said.kind === "hardLink";
  return {
    ...said,
    path: said.path.replace(/\/+$/, ""),
    sizeBytes: said.kind === "file" ? said.sizeBytes : 0,
    target: isLink ? said.target : "",
  };
}

async function* itemOf(reader: ByteReader, entry: TarEntry) {
  let missing = entry.sizeBytes;
  async function* content() {
    for await (const chunk of reader.pass(missing)) {
      missing -= chunk.length;
      yield chunk;
    }
    if (missing > 0) throw cutOff();
  }
  yield { entry, content: content() };
  for await (const _ of content());
  await skip(reader, paddingOf(entry.sizeBytes));
}

async function skip(reader: ByteReader, count: number): Promise<void> {
  if ((await reader.take(count)).length < count) throw cutOff();
}

async function metaOf(reader: ByteReader, { sizeBytes }: TarHeader): Promise<Uint8Array> {
  if (sizeBytes > META_BYTES_MAX)
    throw new TarError(`the archive has a name or record of ${sizeBytes} bytes`);
  const meta = await reader.take(sizeBytes);
  await skip(reader, paddingOf(sizeBytes));
  if (meta.length < sizeBytes) throw cutOff();
  return meta;
}

/** Entries that say more of the one that follows. What holds for all that follow says nothing of use. */
const META: Readonly<Record<string, (meta: Uint8Array) => Partial<TarEntry>>> = {
  L: (meta) => ({ path: upToNul(meta) }),
  K: (meta) => ({ target: upToNul(meta) }),
  x: readRecords,
  g: () => ({}),
};

const upToNul = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8").replace(/\0.*$/s, "");

/** Records of POSIX, `LENGTH NAME=VALUE` and the end of a line, of which the length is of it all. */
function readRecords(meta: Uint8Array): Partial<TarEntry> {
  const said: Partial<TarEntry>[] = [];
  for (let at = 0; at < meta.length; ) {
    const space = meta.indexOf(0x20, at);
    const length = Number(Buffer.from(meta.subarray(at, space)).toString("latin1"));
    if (!(length > space - at) || at + length > meta.length)
      throw new TarError("the archive is damaged");
    said.push(recordOf(Buffer.from(meta.subarray(space + 1, at + length - 1)).toString("utf8")));
    at += length;
  }
  return Object.assign({}, ...said);
}

function recordOf(record: string): Partial<TarEntry> {
  const equals = record.indexOf("=");
  const value = record.slice(equals + 1);
  switch (record.slice(0, equals)) {
    case "path":
      return { path: value };
    case "linkpath":
      return { target: value };
    case "size":
      return { sizeBytes: sizeIn(value) };
    case "mtime":
      return { modifyMs: (Number(value) || 0) * 1000 };
    default:
      return {};
  }
}

function sizeIn(text: string): number {
  const value = Number(text);
  if (text === "" || !Number.isSafeInteger(value) || value < 0)
    throw new TarError("the archive is damaged");
  return value;
}
