import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import type { Entry } from "../store.ts";
import { openBackupFile, writeBackupFile } from "./backup-file.ts";
import { encodeBackup } from "./backup-format.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-backup-"));
afterAll(() => rm(folder, { recursive: true }));

const entry: Entry = { key: "a", value: new Uint8Array([1, 2]), revision: 3n };
const noLook = () => undefined;
const { signal } = new AbortController();

async function* onePage() {
  yield [entry];
}

test("a file has its name once it is whole, and is closed to others", async () => {
  const path = join(folder, "good");
  const bytes = await writeBackupFile(path, encodeBackup(onePage(), 4n, {}));
  const { size, mode } = await stat(path);
  expect([size, mode & 0o777]).toEqual([bytes, 0o600]);
  const looked: (readonly Entry[])[] = [];
  const file = await openBackupFile(path, (page) => looked.push(page), signal);
  expect(looked).toEqual([[entry]]);
  const { revision, pages } = await file.read();
  expect(revision).toBe(4n);
  for await (const page of pages) expect(page).toEqual([entry]);
  await file.close();
});

test("a backup that fails leaves what was there before, and nothing beside it", async () => {
  const path = join(folder, "kept");
  await writeFile(path, "the one before");
  async function* failing() {
    yield [entry];
    throw new Error("the store went away");
  }
  const writing = writeBackupFile(path, encodeBackup(failing(), 4n, {}));
  await expect(writing).rejects.toThrow("the store went away");
  expect(await readFile(path, "utf8")).toBe("the one before");
  expect((await readdir(folder)).filter((name) => name.includes("part"))).toEqual([]);
});

test("what comes through a pipe can be read twice as well", async () => {
  const [path, pipe] = [join(folder, "source"), join(folder, "pipe")];
  await writeBackupFile(path, encodeBackup(onePage(), 4n, {}));
  execFileSync("mkfifo", [pipe]);
  const [file] = await Promise.all([
    openBackupFile(pipe, noLook, signal),
    writeFile(pipe, await readFile(path)),
  ]);
  for await (const page of (await file.read()).pages) expect(page).toEqual([entry]);
  await file.close();
  const nothing = openBackupFile(pipe, noLook, signal);
  await Promise.all([
    expect(nothing).rejects.toThrow(`${pipe} is not a backup of Berth`),
    writeFile(pipe, ""),
  ]);
});

test("a pipe in which nothing comes is not waited for by who was interrupted", async () => {
  const pipe = join(folder, "silent");
  execFileSync("mkfifo", [pipe]);
  const writer = await open(pipe, "r+");
  const interruption = new AbortController();
  const opening = openBackupFile(pipe, noLook, interruption.signal);
  interruption.abort();
  await expect(opening).rejects.toThrow("aborted");
  await writer.close();
});

test("a file that changes between its two readings is noticed", async () => {
  const path = join(folder, "changing");
  const bytes = await writeBackupFile(path, encodeBackup(onePage(), 4n, {}));
  const file = await openBackupFile(path, noLook, signal);
  await truncate(path, bytes - 1);
  const { pages } = await file.read();
  await expect(pages[Symbol.asyncIterator]().next()).resolves.toMatchObject({ value: [entry] });
  await expect(
    (async () => {
      for await (const _ of (await file.read()).pages);
    })(),
  ).rejects.toThrow("is damaged or incomplete");
  await file.close();
});

test("what cannot be read or written is named", async () => {
  const missing = join(folder, "missing", "file");
  await expect(writeBackupFile(missing, encodeBackup(onePage(), 4n, {}))).rejects.toThrow(
    `${missing} cannot be written: ENOENT`,
  );
  await expect(openBackupFile(missing, noLook, signal)).rejects.toThrow(
    `${missing} cannot be read: ENOENT`,
  );
  await expect(openBackupFile(folder, noLook, signal)).rejects.toThrow(
    "is neither a file nor a pipe",
  );
});
