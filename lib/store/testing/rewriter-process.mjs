// Usage: rewriter-process.mjs FOLDER KEYS. Commits without end, one batch after the other, each of
// which gives all keys one new value; prints a line with every batch. To be killed.
import { writeSync } from "node:fs";
import { register } from "node:module";

register("./ts-hooks.mjs", import.meta.url);
const { openLmdbStore } = await import("../lmdb-store.ts");
const { systemClock } = await import("../../clock.ts");

const [folder, keyCount] = process.argv.slice(2);
const keys = Array.from({ length: Number(keyCount) }, (_, index) => `key/${index}`);
const store = await openLmdbStore({ folder, clock: systemClock });

for (let n = 0; ; n++) {
  // Of changing lengths, so that pages are split, merged and used again.
  const value = Buffer.alloc(8 + ((n * 97) % 900));
  value.writeBigUInt64BE(BigInt(n));
  await store.commit({ writes: keys.map((key) => ({ kind: "put", key, value })) });
  writeSync(1, `${n}\n`);
}
