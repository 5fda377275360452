import { expect, test } from "@jest/globals";
import type { Store } from "../store.ts";
import { bytes, del, keysOf, put, text } from "./conformance-words.ts";

export function describeGuards(store: () => Store): void {
  test("counts one revision for each batch that writes", async () => {
    const revisions = [
      await store().commit({ writes: [put("a"), put("b"), put("c")] }),
      await store().commit({ writes: [] }),
      await store().commit({ writes: [del("a")] }),
      await store().commit({ writes: [del("absent")] }),
      await store().commit({ writes: [put("d"), del("absent")] }),
    ];
    const expected = [1n, 1n, 2n, 2n, 3n];
    expect(revisions).toEqual(expected.map((revision) => ({ kind: "committed", revision })));
    expect(await store().revision()).toBe(3n);
  });

  test("writes a batch when all its guards hold", async () => {
    await store().commit({ writes: [put("a")] });
    const guards = [
      { key: "a", revision: 1n },
      { key: "b", revision: 0n },
    ];
    const result = await store().commit({ guards, writes: [put("b"), del("a")] });
    expect(result).toEqual({ kind: "committed", revision: 2n });
    expect(await keysOf(store(), "")).toEqual(["b"]);
  });

  test("writes nothing of a batch when one guard does not hold", async () => {
    await store().commit({ writes: [put("a")] });
    const guards = [
      { key: "a", revision: 1n },
      { key: "a2", revision: 7n },
    ];
    const result = await store().commit({ guards, writes: [put("b"), del("a")] });
    expect(result).toEqual({ kind: "refused", guard: guards[1], actualRevision: 0n });
    expect(await keysOf(store(), "")).toEqual(["a"]);
    expect(await store().revision()).toBe(1n);
  });

  test("checks guards of a batch without writes", async () => {
    const guards = [{ key: "a", revision: 3n }];
    expect((await store().commit({ guards, writes: [] })).kind).toBe("refused");
  });

  test("does not take a deleted key for one that never was rewritten", async () => {
    await store().commit({ writes: [put("a")] });
    await store().commit({ writes: [del("a")] });
    await store().commit({ writes: [put("a")] });
    const guards = [{ key: "a", revision: 1n }];
    const result = await store().commit({ guards, writes: [del("a")] });
    expect(result).toEqual({ kind: "refused", guard: guards[0], actualRevision: 3n });
  });
}

export function describeCommits(store: () => Store): void {
  test("applies the batches of one turn in the order of the calls", async () => {
    const results = await Promise.all([
      store().commit({ writes: [put("a", "1")] }),
      store().commit({ guards: [{ key: "a", revision: 1n }], writes: [put("a", "2")] }),
      store().commit({ guards: [{ key: "a", revision: 1n }], writes: [put("a", "lost")] }),
      store().commit({ writes: [del("a")] }),
      store().commit({ guards: [{ key: "a", revision: 0n }], writes: [put("a", "3")] }),
    ]);
    expect(results.map(({ kind }) => kind)).toEqual([
      "committed",
      "committed",
      "refused",
      "committed",
      "committed",
    ]);
    expect(results[2]).toMatchObject({ actualRevision: 2n });
    expect(await store().get("a")).toEqual({ key: "a", value: bytes("3"), revision: 4n });
  });

  test("lets one of many rivals win", async () => {
    const claim = (n: number) =>
      store().commit({ guards: [{ key: "lock", revision: 0n }], writes: [put("lock", `${n}`)] });
    const results = await Promise.all(Array.from({ length: 50 }, (_, n) => claim(n)));
    expect(results.filter(({ kind }) => kind === "committed")).toHaveLength(1);
    expect(text((await store().get("lock"))?.value)).toBe("0");
  });

  test("refuses a batch that writes a key twice, and names it", async () => {
    const twice = store().commit({ writes: [put("a"), del("a")] });
    await expect(twice).rejects.toThrow('a batch writes key "a" twice');
    expect(await store().revision()).toBe(0n);
  });

  test("shows a commit to every read after it", async () => {
    for (let i = 0; i < 20; i++) {
      await store().commit({ writes: [put("a", `${i}`)] });
      expect(text((await store().get("a"))?.value)).toBe(`${i}`);
    }
  });
}
