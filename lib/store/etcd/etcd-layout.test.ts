import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { KeyValueSchema } from "../../../gen/etcdserverpb/rpc_pb.ts";
import { bytes, text } from "../conformance/conformance-words.ts";
import {
  createLayout,
  hasWrittenAfter,
  headAfter,
  noHead,
  readHead,
  revisionOf,
  storedValue,
  writeHead,
} from "./etcd-layout.ts";

const layout = createLayout("/berth/");

const storedAs = (value: Uint8Array) =>
  create(KeyValueSchema, { key: layout.headKey, value, modRevision: 9n });

test("a prefix ends in a slash", () => {
  expect(() => createLayout("/berth")).toThrow('prefix "/berth" of a store does not end in "/"');
});

test("an entry's key and revision are found in what is stored", () => {
  const key = layout.keyOf("task/é");
  const kv = create(KeyValueSchema, { key, value: storedValue(7n, bytes("v")) });
  expect(text(key)).toBe("/berth/data/task/é");
  expect(layout.entryOf(kv)).toEqual({ key: "task/é", revision: 7n, value: bytes("v") });
});

test("a value that the store did not write is refused", () => {
  expect(() => revisionOf(bytes("short"))).toThrow("was written by somebody else");
});

test("what a watch sees has all entries and the head, and not the leader", () => {
  const { key, rangeEnd } = layout.watched;
  const isSeen = (one: Buffer) =>
    Buffer.compare(one, key) >= 0 && Buffer.compare(one, rangeEnd) < 0;
  expect([layout.keyOf("a"), layout.keyOf("\u{10ffff}"), layout.headKey].map(isSeen)).toEqual([
    true,
    true,
    true,
  ]);
  expect(isSeen(layout.leaderKey)).toBe(false);
});

describe("a head", () => {
  test("is read as it was written, with etcd's revision", () => {
    const head = headAfter(headAfter(noHead, 3n, "a"), 5n, "b");
    const read = readHead(storedAs(writeHead(head)));
    expect(read).toEqual({ ...head, modRevision: 9n });
    expect([...read.writers.keys()]).toEqual(["a", "b"]);
  });

  test("knows whether one of its latest writers wrote after a revision", () => {
    const head = headAfter(headAfter(noHead, 3n, "a"), 5n, "b");
    expect(hasWrittenAfter(head, "a", 2n)).toBe(true);
    expect(hasWrittenAfter(head, "a", 3n)).toBe(false);
    expect(hasWrittenAfter(head, "c", 0n)).toBe(false);
  });

  test("says so when it cannot know, because eight others wrote since", () => {
    const writers = Array.from({ length: 8 }, (_, n) => BigInt(n + 2));
    const head = writers.reduce((one, n) => headAfter(one, n, `w${n}`), headAfter(noHead, 1n, "a"));
    expect(head.writers.size).toBe(8);
    expect(() => hasWrittenAfter(head, "a", 0n)).toThrow("too many others wrote since");
    // The oldest of them wrote before: so would the one that is asked for be known.
    expect(hasWrittenAfter(head, "a", 2n)).toBe(false);
  });
});
