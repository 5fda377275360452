import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { systemClock as clock } from "../../clock.ts";
import { put } from "../conformance/conformance-words.ts";
import { openLmdbStore } from "../lmdb-store.ts";
import { writeMovedMark } from "../moved-mark.ts";
import type { Entry } from "../store.ts";
import { fillLmdbStore } from "./lmdb-filling.ts";
import { openLmdbSnapshot, takeLmdbSnapshot } from "./lmdb-snapshot.ts";
import { fill, type Pages } from "./store-copy.ts";

const root = mkdtempSync(join(tmpdir(), "berth-copies-"));
afterAll(() => rm(root, { recursive: true }));

const newFolder = () => mkdtemp(join(root, "store-"));
const openStore = (folder: string) => openLmdbStore({ folder, clock });
const never = new AbortController().signal;

async function entriesOf(pages: Pages): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for await (const page of pages) entries.push(...page);
  return entries;
}

async function* inPages(...pages: (readonly Entry[])[]) {
  yield* pages;
}

const entry = (key: string): Entry => ({ key, value: new Uint8Array([1]), revision: 2n });

/** A folder with a store of some entries. */
async function newStore(): Promise<string> {
  const folder = await newFolder();
  const store = await openStore(folder);
  await store.commit({ writes: [put("a"), put("b", "old")] });
  await store.commit({ writes: [put("b", "new")] });
  await store.close();
  return folder;
}

describe("a copy", () => {
  test("is the store again, with every revision", async () => {
    const source = await openLmdbSnapshot(await newStore());
    const folder = await newFolder();
    const filling = await fillLmdbStore({ folder, clock });
    expect(await fill(filling, source.pages(), never)).toMatchObject({ entries: 2 });
    await filling.finish(source.revision);
    await filling.close();
    const wanted = await entriesOf(source.pages());
    await source.close();
    const store = await openStore(folder);
    expect(await store.list("")).toEqual(wanted);
    expect(await store.revision()).toBe(2n);
    await store.close();
  });

  test("that was broken off is no store, and is begun anew", async () => {
    const folder = await newFolder();
    const broken = await fillLmdbStore({ folder, clock });
    await broken.add([entry("left over")]);
    await broken.close();
    await expect(openStore(folder)).rejects.toThrow("was not wholly restored: restore it again");
    await expect(openLmdbSnapshot(folder)).rejects.toThrow("was not wholly restored");
    const again = await fillLmdbStore({ folder, clock });
    await fill(again, inPages([entry("a")]), never);
    await again.finish(5n);
    await again.close();
    const store = await openStore(folder);
    expect(await store.list("")).toEqual([entry("a")]);
    await store.close();
  });

  test("is not made where there is a store, or where somebody works", async () => {
    const folder = await newStore();
    await expect(fillLmdbStore({ folder, clock })).rejects.toThrow(
      `the store in ${folder} is not empty (2 entries, revision 2)`,
    );
    const store = await openStore(folder);
    await expect(fillLmdbStore({ folder, clock })).rejects.toThrow("is in use by this process");
    await expect(takeLmdbSnapshot(folder)).rejects.toThrow("is in use by this process");
    await store.close();
    expect(await readdir(folder)).not.toContain("owner.json");
  });

  test("that does not read as it was written is refused", async () => {
    const filling = await fillLmdbStore({ folder: await newFolder(), clock });
    const forgetful = { ...filling, add: () => Promise.resolve() };
    await expect(fill(forgetful, inPages([entry("a")]), never)).rejects.toThrow(
      "the copy has 0 entries",
    );
    await filling.close();
  });
});

describe("a snapshot", () => {
  test("of nothing is refused, and makes nothing", async () => {
    const folder = join(await newFolder(), "none");
    await expect(openLmdbSnapshot(folder)).rejects.toThrow(`there is no store in ${folder}`);
    await expect(readdir(folder)).rejects.toThrow("ENOENT");
  });

  test("is refused to a process that LMDB takes for another one", async () => {
    const folder = await newStore();
    const owner = { pid: process.pid, startTime: "1" };
    await writeFile(join(folder, "owner.json"), JSON.stringify(owner));
    await expect(openLmdbSnapshot(folder)).rejects.toThrow("a process of another container");
  });
});

test("a store that moved opens for nobody, and says where it is", async () => {
  const folder = await newStore();
  const mark = { to: "etcd://a:1/berth", time: "2026-11-22T00:00:00.000Z" };
  await writeMovedMark(folder, { state: "moving", ...mark });
  await expect(openStore(folder)).rejects.toThrow("is on its way to etcd://a:1/berth");
  await writeMovedMark(folder, { state: "moved", ...mark });
  await expect(openStore(folder)).rejects.toThrow("start with --store etcd://a:1/berth");
  await expect(fillLmdbStore({ folder, clock })).rejects.toThrow("moved to etcd://a:1/berth");
  const snapshot = await openLmdbSnapshot(folder);
  expect(await entriesOf(snapshot.pages())).toHaveLength(2);
  await snapshot.close();
  expect(await readFile(join(folder, "moved.json"), "utf8")).toContain('"state":"moved"');
});

const REWRITER = fileURLToPath(new URL("../testing/rewriter-process.mjs", import.meta.url));

/** Starting Node and its TypeScript takes a second, and a busy machine much longer. */
const CHILD_TIMEOUT_MS = 60_000;

/** More than a page of a snapshot. */
const KEYS = 2_500;
const SNAPSHOTS = 5;

describe("a process that writes", () => {
  let child: ChildProcess | undefined;
  afterEach(() => void child?.kill("SIGKILL"));

  test(
    "is not held up, and every snapshot shows one moment of it",
    async () => {
      const folder = await newFolder();
      const { NODE_OPTIONS: _, ...env } = process.env;
      const stdio = ["ignore", "pipe", "inherit"] as const;
      child = spawn(process.execPath, [REWRITER, folder, String(KEYS)], { stdio: [...stdio], env });
      if (!child.stdout) throw new Error("the writer has no output");
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const writtenAfter = async (n: bigint) => {
        while (BigInt((await lines.next()).value) <= n);
      };
      await writtenAfter(-1n);
      let last = -1n;
      for (let taken = 0; taken < SNAPSHOTS; taken++) {
        const snapshot = await openLmdbSnapshot(folder);
        const number = snapshot.revision - 1n;
        expect(number).toBeGreaterThan(last);
        last = number;
        for await (const page of snapshot.pages()) {
          const found = page.map(({ value }) => Buffer.from(value).readBigUInt64BE());
          expect([...new Set(found)]).toEqual([number]);
          expect(new Set(page.map(({ revision }) => revision))).toEqual(new Set([number + 1n]));
          await writtenAfter(number);
        }
        await snapshot.close();
      }
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
      const store = await openStore(folder);
      expect(await store.count("")).toBe(KEYS);
      expect(await store.revision()).toBeGreaterThan(last);
      await store.close();
    },
    CHILD_TIMEOUT_MS,
  );
});
