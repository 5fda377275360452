import type { KeyValue } from "../../../gen/etcdserverpb/rpc_pb.ts";
import { assert } from "../../assert.ts";
import { type Entry, StoreError } from "../store.ts";
import { type KeyRange, keyRange } from "../store-key.ts";

/** How this version lays out a store. Grows when an older version could no longer read it. */
const FORMAT = 1;

/** The format of a copy that is being made, so that no version takes it for a store. */
const UNFINISHED = "copying";

/** Every stored value begins with its revision: unsigned, 8 bytes, the highest first. */
const REVISION_BYTES = 8;

/** How many writers the head remembers. */
const WRITERS_MAX = 8;

/** Where one cluster's keys are in etcd. */
export interface Layout {
  /** The key that every batch writes, and that guards it. Its value is a `Head`. */
  readonly headKey: Buffer;
  /** Everything that a watch has to see: all entries, and the head. */
  readonly watched: Readonly<{ key: Buffer; rangeEnd: Buffer }>;
  /** The leader's key: what a fence is about. */
  readonly leaderKey: Buffer;
  /** The key in etcd of an entry, whose own key is known to be a good one. */
  keyOf(key: string): Buffer;
  /** Where the entries are that begin with `prefix` and come after `after`. */
  rangeOf(prefix: string, after?: string): Readonly<{ key: Buffer; rangeEnd: Buffer }>;
  /** Whether a key in etcd is that of an entry. */
  isEntry(key: Uint8Array): boolean;
  /** An entry's own key. */
  nameOf(key: Uint8Array): string;
  entryOf(stored: KeyValue): Entry;
}

/** `prefix` ends in `/`; clusters with different ones share an etcd. */
export function createLayout(prefix: string): Layout {
  assert(/^.*\/$/u.test(prefix), `prefix ${JSON.stringify(prefix)} of a store does not end in "/"`);
  const data = `${prefix}data/`;
  const dataBytes = Buffer.from(data);
  const headKey = Buffer.from(`${prefix}head`);
  const nameOf = (key: Uint8Array) => Buffer.from(key.subarray(dataBytes.length)).toString();
  return {
    headKey,
    // "data/…" comes before "head", and "head" before "leader".
    watched: { key: dataBytes, rangeEnd: Buffer.concat([headKey, Buffer.of(0)]) },
    leaderKey: Buffer.from(`${prefix}leader`),
    keyOf: (key) => Buffer.from(data + key),
    rangeOf: (start, after) => bounded(keyRange(data + start, after && data + after)),
    isEntry: (key) => dataBytes.equals(key.subarray(0, dataBytes.length)),
    nameOf,
    entryOf: ({ key, value }) => ({
      key: nameOf(key),
      revision: revisionOf(value),
      value: value.slice(REVISION_BYTES),
    }),
  };
}

function bounded({ start, end }: KeyRange) {
  assert(end, "the keys of a store have a prefix, so their range ends");
  return { key: start, rangeEnd: end };
}

/** A value as it is stored. */
export function storedValue(revision: bigint, value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(REVISION_BYTES + value.length);
  stamp(bytes, revision);
  bytes.set(value, REVISION_BYTES);
  return bytes;
}

/** Gives a stored value another revision. */
export const stamp = (stored: Buffer, revision: bigint): void => {
  stored.writeBigUInt64BE(revision);
};

/** The value in a stored one, on its memory. */
export const valueIn = (stored: Buffer): Uint8Array =>
  new Uint8Array(stored.buffer, stored.byteOffset + REVISION_BYTES, stored.length - REVISION_BYTES);

export const revisionOf = (stored: Uint8Array): bigint => {
  if (stored.length < REVISION_BYTES)
    throw new StoreError("a key of the store was written by somebody else: it has no revision");
  return asBuffer(stored).readBigUInt64BE();
};

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** What every batch leaves behind beside its entries. */
export type Head = Readonly<{
  /** Of the latest batch; 0n when there was none. */
  revision: bigint;
  /** etcd's revision of the latest transaction; 0n when there was none. */
  modRevision: bigint;
  /** The latest batch of each of the latest writers, by the writer's ID; the latest is last. */
  writers: ReadonlyMap<string, bigint>;
}>;

export const noHead: Head = { revision: 0n, modRevision: 0n, writers: new Map() };

/** The head after a transaction of `writer` whose last batch has `revision`. */
export function headAfter(head: Head, revision: bigint, writer: string): Head {
  const others = [...head.writers].filter(([id]) => id !== writer).slice(1 - WRITERS_MAX);
  return { ...head, revision, writers: new Map([...others, [writer, revision]]) };
}

/**
 * Whether `writer` has written after `revision`. Throws a StoreError when so many others have that
 * the head cannot tell.
 */
export function hasWrittenAfter({ writers }: Head, writer: string, revision: bigint): boolean {
  const own = writers.get(writer);
  if (own !== undefined) return own > revision;
  if (writers.size === WRITERS_MAX && [...writers.values()].every((one) => one > revision))
    throw new StoreError("too many others wrote since: nobody knows what came of a transaction");
  return false;
}

/** The head as JSON, for people who look into etcd. */
export function writeHead({ revision, writers }: Head): Buffer {
  const named = Object.fromEntries([...writers].map(([id, latest]) => [id, String(latest)]));
  return Buffer.from(
    JSON.stringify({ format: FORMAT, revision: String(revision), writers: named }),
  );
}

/** The head of a copy that `writer` makes, and has not finished. */
export const unfinishedHead = (writer: string): Buffer =>
  Buffer.from(JSON.stringify({ format: UNFINISHED, writer }));

/** Whose unfinished copy this is the head of; undefined for other heads. */
export function copierOf(stored: KeyValue): string | undefined {
  const { format, writer } = parsed(stored);
  return format === UNFINISHED ? String(writer) : undefined;
}

/** Throws a StoreError for one of another format. */
export function readHead(stored: KeyValue | undefined): Head {
  if (!stored) return noHead;
  const { format, revision, writers } = parsed(stored);
  if (format === UNFINISHED)
    throw new StoreError(
      `the copy of a store to ${shown(stored)} in etcd is not finished: wait for it, or copy again`,
    );
  if (format !== FORMAT) {
    const known = `has format ${format} and this version of Berth knows ${FORMAT}`;
    throw new StoreError(
      `the store at ${shown(stored)} in etcd ${known}: use the version that wrote it`,
    );
  }
  const named = Object.entries<string>(writers).map(([id, one]) => [id, BigInt(one)] as const);
  return {
    revision: BigInt(revision),
    modRevision: stored.modRevision,
    writers: new Map(named.sort(([, a], [, b]) => (a < b ? -1 : 1))),
  };
}

function parsed(stored: KeyValue) {
  try {
    return JSON.parse(asBuffer(stored.value).toString());
  } catch (cause) {
    const problem = "is not the head of a store: take another prefix";
    throw new StoreError(`the key ${shown(stored)} in etcd ${problem}`, { cause });
  }
}

const shown = ({ key }: KeyValue): string => asBuffer(key).toString();
