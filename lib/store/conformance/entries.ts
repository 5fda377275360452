import { expect, test } from "@jest/globals";
import type { Store } from "../store.ts";
import { bytes, keysOf, put, text } from "./conformance-words.ts";

export function describeEntries(store: () => Store): void {
  test("has nothing at first", async () => {
    expect(await store().get("a")).toBeUndefined();
    expect(await store().list("")).toEqual([]);
    expect(await store().count("")).toBe(0);
    expect(await store().revision()).toBe(0n);
  });

  test("gives back what was put, with the revision that wrote it", async () => {
    await store().commit({ writes: [put("a", "1"), put("b", "2")] });
    await store().commit({ writes: [put("b", "3")] });
    expect(text((await store().get("a"))?.value)).toBe("1");
    expect(await store().get("b")).toEqual({ key: "b", value: bytes("3"), revision: 2n });
  });

  test("keeps empty values and values of a mebibyte", async () => {
    const large = Uint8Array.from({ length: 2 ** 20 }, (_, i) => i % 251);
    await store().commit({
      writes: [
        { kind: "put", key: "large", value: large },
        { kind: "put", key: "none", value: new Uint8Array() },
      ],
    });
    expect(Buffer.from((await store().get("large"))?.value ?? "").equals(large)).toBe(true);
    expect((await store().get("none"))?.value).toEqual(new Uint8Array());
  });

  test("does not share memory with those who read", async () => {
    await store().commit({ writes: [put("a", "mine")] });
    (await store().get("a"))?.value.fill(1);
    (await store().list("a"))[0]?.value.fill(1);
    expect(text((await store().get("a"))?.value)).toBe("mine");
  });

  test("keeps a value while others are read", async () => {
    await store().commit({ writes: [put("a", "first"), put("b", "other")] });
    const first = await store().get("a");
    await store().get("b");
    expect(text(first?.value)).toBe("first");
  });
}

export function describeOrder(store: () => Store): void {
  test("orders keys by their UTF-8 bytes", async () => {
    // By UTF-16 units the emoji (a surrogate pair) would come before the full-width letter.
    const keys = ["a", "a/", "a0", "aé", "b", "ａ", "😀"];
    await store().commit({ writes: [...keys].reverse().map((key) => put(key)) });
    expect(await keysOf(store(), "")).toEqual(keys);
  });

  test("lists by prefix, not by word", async () => {
    const keys = ["task/", "task/1", "task/1/x", "task/2", "task0", "tasks"];
    await store().commit({ writes: keys.map((key) => put(key)) });
    expect(await keysOf(store(), "task/")).toEqual(["task/", "task/1", "task/1/x", "task/2"]);
    expect(await keysOf(store(), "task/1")).toEqual(["task/1", "task/1/x"]);
    expect(await keysOf(store(), "u")).toEqual([]);
    expect(await store().count("task/")).toBe(4);
    expect(await store().count("")).toBe(6);
  });

  test("lists behind the highest character", async () => {
    const top = "\u{10ffff}";
    await store().commit({ writes: [put(top), put(`${top}x`), put("a")] });
    expect(await keysOf(store(), top)).toEqual([top, `${top}x`]);
    expect(await store().count(top)).toBe(2);
  });

  test("pages after a key, whether it exists or not", async () => {
    await store().commit({ writes: ["p1", "p2", "p3", "q"].map((key) => put(key)) });
    expect(await keysOf(store(), "p", { limit: 2 })).toEqual(["p1", "p2"]);
    expect(await keysOf(store(), "p", { after: "p2", limit: 2 })).toEqual(["p3"]);
    expect(await keysOf(store(), "p", { after: "p10" })).toEqual(["p2", "p3"]);
    expect(await keysOf(store(), "p", { after: "a" })).toEqual(["p1", "p2", "p3"]);
    expect(await keysOf(store(), "p", { after: "z" })).toEqual([]);
    expect(await keysOf(store(), "p", { limit: 0 })).toEqual([]);
  });
}

export function describeKeys(store: () => Store): void {
  test.each([
    ["empty", "", "a key is empty"],
    ["too long", "k".repeat(513), `key "${"k".repeat(80)}…" has 513 bytes`],
    ["too long in bytes, not in characters", "é".repeat(257), "has 514 bytes"],
    ["half a surrogate pair", "a\ud800", "not well-formed"],
  ])("refuses a key that is %s, and names it", async (_name, key, message) => {
    await expect(store().get(key)).rejects.toThrow(message);
    await expect(store().commit({ writes: [put("good"), put(key)] })).rejects.toThrow(message);
    const guards = [{ key, revision: 0n }];
    await expect(store().commit({ guards, writes: [put("good")] })).rejects.toThrow(message);
    expect(await store().get("good")).toBeUndefined();
  });

  test("takes a key of 512 bytes", async () => {
    const key = "é".repeat(256);
    await store().commit({ writes: [put(key)] });
    expect(await keysOf(store(), "é")).toEqual([key]);
  });
}
