import { expect, test } from "@jest/globals";
import { CompactedError, type Store, StoreError } from "../store.ts";
import { del, HISTORY_MAX, never, outline, put } from "./conformance-words.ts";

export function describeWatches(store: () => Store): void {
  const watch = (prefix: string, after: bigint, signal = never()) =>
    store().watch(prefix, after, signal)[Symbol.asyncIterator]();

  test("watches what was written before and what comes", async () => {
    await store().commit({ writes: [put("a"), put("b")] });
    const changes = watch("", 0n);
    expect(outline((await changes.next()).value)).toEqual(["put a@1", "put b@1"]);
    const next = changes.next();
    await store().commit({ writes: [del("a"), put("c")] });
    expect(outline((await next).value)).toEqual(["delete a@2", "put c@2"]);
  });

  test("watches from a revision on, and a prefix only", async () => {
    for (const key of ["a/1", "b/1", "a/2", "b/2"]) await store().commit({ writes: [put(key)] });
    expect(outline((await watch("a/", 1n).next()).value)).toEqual(["put a/2@3"]);
    const later = watch("b/", 4n).next();
    await store().commit({ writes: [put("a/3")] });
    await store().commit({ writes: [put("b/3")] });
    expect(outline((await later).value)).toEqual(["put b/3@6"]);
  });

  test("watches values", async () => {
    const changes = watch("", 0n).next();
    await store().commit({ writes: [put("a", "seen")] });
    expect((await changes).value).toEqual([{ ...put("a", "seen"), revision: 1n }]);
  });

  test("misses nothing between two reads", async () => {
    const changes = watch("", 0n);
    const seen: string[] = [];
    for (let i = 1; i <= 10; i++) {
      await store().commit({ writes: [put(`k${i}`)] });
      if (i % 3 === 0) seen.push(...outline((await changes.next()).value));
    }
    seen.push(...outline((await changes.next()).value));
    expect(seen).toEqual(Array.from({ length: 10 }, (_, i) => `put k${i + 1}@${i + 1}`));
  });

  test("serves many watchers alike", async () => {
    const watchers = Array.from({ length: 20 }, () => watch("", 0n).next());
    await store().commit({ writes: [put("a")] });
    for (const changes of await Promise.all(watchers))
      expect(outline(changes.value)).toEqual(["put a@1"]);
  });

  test("ends a watch without an error when its signal aborts", async () => {
    const control = new AbortController();
    const waiting = watch("", 0n, control.signal).next();
    control.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await watch("", 0n, control.signal).next()).toEqual({ done: true, value: undefined });
  });
}

export function describeHistory(store: () => Store): void {
  const watch = (prefix: string, after: bigint, signal = never()) =>
    store().watch(prefix, after, signal)[Symbol.asyncIterator]();

  test("tells a watch that its history is compacted", async () => {
    for (let i = 0; i < 2 * HISTORY_MAX; i++) await store().commit({ writes: [put(`k${i}`)] });
    await expect(watch("", 0n).next()).rejects.toThrow(CompactedError);
    const latest = await watch("", BigInt(2 * HISTORY_MAX - 1)).next();
    expect(outline(latest.value)).toEqual([`put k${2 * HISTORY_MAX - 1}@${2 * HISTORY_MAX}`]);
  });

  test("cuts off a watcher that falls behind", async () => {
    const changes = watch("", 0n);
    await store().commit({ writes: [put("a")] });
    await changes.next();
    for (let i = 0; i < 2 * HISTORY_MAX; i++) await store().commit({ writes: [put("a")] });
    await expect(changes.next()).rejects.toThrow(CompactedError);
  });

  test("shows a batch larger than the history to a watcher that waits", async () => {
    const changes = watch("", 0n).next();
    const keys = Array.from({ length: 3 * HISTORY_MAX }, (_, i) => `k${i}`);
    await store().commit({ writes: keys.map((key) => put(key)) });
    expect((await changes).value).toHaveLength(3 * HISTORY_MAX);
  });

  test("refuses to watch from a revision that it has not reached", async () => {
    await expect(watch("", 1n).next()).rejects.toThrow(CompactedError);
  });
}

export function describeClose(store: () => Store): void {
  test("finishes on close what it accepted, and closes twice", async () => {
    const accepted = store().commit({ writes: [put("a")] });
    await Promise.all([store().close(), store().close()]);
    expect(await accepted).toEqual({ kind: "committed", revision: 1n });
    await store().close();
  });

  test("refuses everything once closed", async () => {
    const watching = store().watch("", 0n, never())[Symbol.asyncIterator]().next();
    const ended = expect(watching).rejects.toThrow(StoreError);
    await store().close();
    await ended;
    await expect(store().get("a")).rejects.toThrow("the store is closed");
    await expect(store().list("")).rejects.toThrow(StoreError);
    await expect(store().count("")).rejects.toThrow(StoreError);
    await expect(store().revision()).rejects.toThrow(StoreError);
    await expect(store().commit({ writes: [put("a")] })).rejects.toThrow(StoreError);
    await expect(store().watch("", 0n, never())[Symbol.asyncIterator]().next()).rejects.toThrow(
      StoreError,
    );
  });
}
