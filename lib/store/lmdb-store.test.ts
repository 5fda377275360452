import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "@jest/globals";
import { open } from "lmdb";
import { systemClock } from "../clock.ts";
import { HISTORY_MAX, keysOf, put } from "./conformance/conformance-words.ts";
import { openLmdbStore } from "./lmdb-store.ts";
import { CompactedError } from "./store.ts";
import { describeStore } from "./store-conformance.ts";

const WRITER = fileURLToPath(new URL("./testing/writer-process.mjs", import.meta.url));

const root = mkdtempSync(join(tmpdir(), "berth-store-"));
afterAll(() => rm(root, { recursive: true }));

const newFolder = () => mkdtemp(join(root, "store-"));
const openStore = (folder: string) =>
  openLmdbStore({ folder, clock: systemClock, historyMax: HISTORY_MAX });

describeStore("lmdb", async () => openStore(await newFolder()));

describe("a store on disk", () => {
  test("holds after a restart what it held before", async () => {
    const folder = await newFolder();
    const first = await openStore(folder);
    await first.commit({ writes: [put("a"), put("b", "old")] });
    await first.commit({ writes: [put("b", "new"), { kind: "delete", key: "a" }] });
    const before = await first.list("");
    await first.close();

    const second = await openStore(folder);
    expect(await second.list("")).toEqual(before);
    expect(await second.revision()).toBe(2n);
    const control = new AbortController();
    const later = second.watch("", 2n, control.signal)[Symbol.asyncIterator]().next();
    await second.commit({ guards: [{ key: "b", revision: 2n }], writes: [put("c")] });
    expect((await later).value).toMatchObject([{ key: "c", revision: 3n }]);
    const earlier = second.watch("", 1n, control.signal)[Symbol.asyncIterator]().next();
    await expect(earlier).rejects.toThrow(CompactedError);
    await second.close();
  });

  test("is closed to other users", async () => {
    const folder = join(await newFolder(), "made", "anew");
    const store = await openStore(folder);
    await store.commit({ writes: [put("a")] });
    const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
    expect(await modeOf(folder)).toBe(0o700);
    for (const name of await readdir(folder)) expect(await modeOf(join(folder, name))).toBe(0o600);
    await store.close();
  });

  test("refuses a folder that others can look into, and does not touch it", async () => {
    const folder = await newFolder();
    await chmod(folder, 0o755);
    await expect(openStore(folder)).rejects.toThrow("is open to others (mode 755)");
    expect(await readdir(folder)).toEqual([]);
  });

  test("refuses a store of a newer format", async () => {
    const folder = await newFolder();
    await (await openStore(folder)).close();
    const binary = { encoding: "binary", keyEncoding: "binary" } as const;
    const place = { path: folder, noSubdir: false, overlappingSync: false, maxDbs: 2 };
    const env = open<Buffer, Buffer>({ ...place, ...binary });
    const meta = env.openDB<Buffer, Buffer>({ name: "meta", ...binary });
    await meta.put(Buffer.from("format"), Buffer.from("2"));
    await env.close();
    await expect(openStore(folder)).rejects.toThrow(
      "has format 2 and this version of Berth knows 1",
    );
    await expect(openStore(folder)).rejects.toThrow("has format 2");
  });

  test("refuses a folder whose data are not a store", async () => {
    const folder = await newFolder();
    await writeFile(join(folder, "data.mdb"), "not a store".repeat(1000));
    await expect(openStore(folder)).rejects.toThrow(`data.mdb in ${folder} is not a store`);
  });
});

/** Starts the writer, in a shell that may set limits first. */
function startWriter(folder: string, limits = ""): ChildProcess {
  const command = `${limits} exec "${process.execPath}" "${WRITER}" "${folder}"`;
  const { NODE_OPTIONS: _, ...env } = process.env;
  return spawn("sh", ["-c", command], { stdio: ["ignore", "pipe", "pipe"], env });
}

/** Everything a process prints. `onLine` may end it. */
async function linesOf(child: ChildProcess, onLine: (count: number) => void): Promise<string[]> {
  if (!child.stdout) throw new Error("the writer has no output");
  const exit = once(child, "exit");
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) onLine(lines.push(line));
  await exit;
  return lines;
}

/** Asserts that all acknowledged batches are stored, and the others wholly or not at all. */
async function expectIntact(folder: string, acknowledged: readonly string[]): Promise<void> {
  const store = await openStore(folder);
  const stored = (await keysOf(store, "a/")).map((key) => key.slice(2));
  expect(acknowledged.filter((n) => !stored.includes(n))).toEqual([]);
  for (const name of ["b", "c"])
    expect(await keysOf(store, `${name}/`)).toEqual(stored.map((n) => `${name}/${n}`));
  expect(await store.revision()).toBe(BigInt(stored.length));
  await store.close();
}

/** Starting Node and its TypeScript takes a second, and a busy machine much longer. */
const CHILD_TIMEOUT_MS = 60_000;

describe("a process that writes", () => {
  test.each([1, 40, 300])(
    "loses nothing when it is killed after %i batches",
    async (count) => {
      const folder = await newFolder();
      const child = startWriter(folder);
      const acknowledged = await linesOf(child, (n) => n === count && child.kill("SIGKILL"));
      expect(acknowledged.length).toBeGreaterThanOrEqual(count);
      await expectIntact(folder, acknowledged);
    },
    CHILD_TIMEOUT_MS,
  );

  test(
    "keeps its store to itself while it lives",
    async () => {
      const folder = await newFolder();
      const child = startWriter(folder);
      let refused: Promise<void> | undefined;
      const message = `store folder ${folder} is in use by process ${child.pid}`;
      await linesOf(child, () => {
        refused ??= expect(openStore(folder))
          .rejects.toThrow(message)
          .finally(() => child.kill());
      });
      await refused;
    },
    CHILD_TIMEOUT_MS,
  );

  test(
    "stops and loses nothing when the disk takes no more",
    async () => {
      const folder = await newFolder();
      // 512 or 1,024 blocks of 512 or 1,024 bytes, as the shell will have it.
      const child = startWriter(folder, "ulimit -f 1024;");
      const lines = await linesOf(child, () => undefined);
      expect(child.exitCode).toBe(74);
      expect(lines.at(-2)).toMatch(/Input\/output error|File too large/);
      expect(lines.at(-1)).toBe("StoreError");
      const acknowledged = lines.slice(0, -2);
      expect(acknowledged.length).toBeGreaterThan(0);
      await expectIntact(folder, acknowledged);
    },
    CHILD_TIMEOUT_MS,
  );
});
