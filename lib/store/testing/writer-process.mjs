// Usage: writer-process.mjs FOLDER. Commits without end, several batches a turn, each of the keys
// `a/N`, `b/N` and `c/N`, and prints N as soon as batch N is acknowledged. To be killed.
// A store that fails ends it with the code 74; the last two lines are then the reason and the
// kinds of errors that those who committed were given.
import { writeSync } from "node:fs";
import { register } from "node:module";

register("./ts-hooks.mjs", import.meta.url);
const { openLmdbStore } = await import("../lmdb-store.ts");
const { systemClock } = await import("../../clock.ts");

/** As EX_IOERR of sysexits.h. */
const EXIT_STORE_FAILED = 74;

/** Batches under way at once. */
const WRITER_COUNT = 8;

// With a handler, a write beyond the limit for file sizes fails with EFBIG instead of killing us.
process.on("SIGXFSZ", () => undefined);

const store = await openLmdbStore({
  folder: process.argv[2],
  clock: systemClock,
  onFailure(error) {
    writeSync(1, `${error.cause.message}\n`);
    process.exitCode = EXIT_STORE_FAILED;
  },
});

let serial = 0;

async function write() {
  while (process.exitCode === undefined) {
    const n = serial++;
    const value = Buffer.alloc(1 + ((n * 97) % 3000), String(n));
    const writes = ["a", "b", "c"].map((name) => ({ kind: "put", key: `${name}/${n}`, value }));
    await store.commit({ writes });
    writeSync(1, `${n}\n`);
  }
}

const writers = await Promise.allSettled(Array.from({ length: WRITER_COUNT }, write));
writeSync(1, `${[...new Set(writers.map(({ reason }) => reason?.name))]}\n`);
await store.close();
