import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Entry } from "../store.ts";
import { decodeBackup, encodeBackup } from "./backup-format.ts";

const about = { version: "1.2.3" };

async function* streamOf<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function bytesOf(entries: readonly Entry[], pageLength = 2): Promise<Buffer> {
  const pages = Array.from({ length: Math.ceil(entries.length / pageLength) }, (_, index) =>
    entries.slice(index * pageLength, (index + 1) * pageLength),
  );
  const chunks: Buffer[] = [];
  for await (const chunk of encodeBackup(streamOf(pages), 9n, about)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Reads a backup that comes in pieces of a length. */
async function read(bytes: Buffer, pieceLength = 7) {
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceLength) }, (_, index) =>
    bytes.subarray(index * pieceLength, (index + 1) * pieceLength),
  );
  const { pages, ...head } = await decodeBackup(streamOf(pieces), "FILE");
  const entries: Entry[] = [];
  for await (const page of pages) entries.push(...page);
  return { ...head, entries };
}

const byKey = (a: Entry, b: Entry) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));

const entries = fc
  .uniqueArray(
    fc.record({
      key: fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }),
      value: fc.uint8Array({ maxLength: 40 }),
      revision: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    }),
    { selector: ({ key }) => key, maxLength: 20 },
  )
  .map((some) => some.toSorted(byKey));

const entry = (key: string, text: string): Entry => ({
  key,
  value: new Uint8Array(Buffer.from(text)),
  revision: 3n,
});
const small = [entry("a", "1"), entry("b", "22"), entry("c/d", "")];

describe("a backup", () => {
  test("says again what went into it, in whatever pieces it comes", async () => {
    const pieceLength = fc.integer({ min: 1, max: 500 });
    await fc.assert(
      fc.asyncProperty(entries, pieceLength, async (some, length) => {
        const wanted = { revision: 9n, about, entries: some };
        expect(await read(await bytesOf(some), length)).toEqual(wanted);
      }),
    );
  });

  test("begins with lines for people", async () => {
    const [first, second] = (await bytesOf(small)).toString("latin1").split("\n");
    expect(first).toBe("berth-backup 1");
    expect(JSON.parse(second ?? "")).toEqual({ revision: "9", about });
  });

  test("is refused when any byte of it is another one", async () => {
    const whole = await bytesOf(small);
    for (let at = 0; at < whole.length; at++)
      for (const flip of [0x01, 0x80, 0xff]) {
        const damaged = Buffer.from(whole);
        damaged.writeUInt8(damaged.readUInt8(at) ^ flip, at);
        await expect(read(damaged)).rejects.toMatchObject({ name: "StoreError" });
      }
  });

  test("is refused when it ends early, or has something behind it", async () => {
    const whole = await bytesOf(small);
    for (let length = 0; length < whole.length; length++)
      await expect(read(whole.subarray(0, length))).rejects.toMatchObject({ name: "StoreError" });
    await expect(read(Buffer.concat([whole, Buffer.of(0)]))).rejects.toThrow("FILE is damaged");
  });

  test("says what is wrong with it", async () => {
    const whole = (await bytesOf(small)).toString("latin1");
    const changed = (from: string, to: string) => Buffer.from(whole.replace(from, to), "latin1");
    await expect(read(Buffer.from("PK"))).rejects.toThrow(
      "FILE is not a backup of Berth: name what `berth backup` wrote",
    );
    await expect(read(changed("backup 1", "backup 2"))).rejects.toThrow(
      "FILE is a backup of format 2 and this version of Berth knows 1: use the version that wrote it",
    );
    await expect(read(changed("1.2.3", "1.2.4"))).rejects.toThrow("FILE is damaged or incomplete");
  });
});
