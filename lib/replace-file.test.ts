import { mkdtemp, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { replaceFile } from "./replace-file.ts";

const newFolder = () => mkdtemp(join(tmpdir(), "berth-replace-"));

test("a file and its folder are made, for their owner alone", async () => {
  const path = join(await newFolder(), "a", "b", "file");
  await replaceFile(path, "one");
  expect(await readFile(path, "utf8")).toBe("one");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(join(path, ".."))).mode & 0o777).toBe(0o700);
});

test("nothing but the new content is left", async () => {
  const folder = await newFolder();
  const path = join(folder, "file");
  await replaceFile(path, "long content");
  await replaceFile(path, "new");
  expect(await readFile(path, "utf8")).toBe("new");
  expect(await readdir(folder)).toEqual(["file"]);
});

test("a symbolic link stays, and what it names is replaced", async () => {
  const folder = await newFolder();
  await writeFile(join(folder, "real"), "old");
  await symlink(join(folder, "real"), join(folder, "link"));
  await replaceFile(join(folder, "link"), "new");
  expect(await readlink(join(folder, "link"))).toBe(join(folder, "real"));
  expect(await readFile(join(folder, "real"), "utf8")).toBe("new");
});

test("a failure leaves no draft behind", async () => {
  const folder = await newFolder();
  await replaceFile(join(folder, "taken", "file"), "");
  await expect(replaceFile(join(folder, "taken"), "x")).rejects.toThrow("EISDIR");
  expect(await readdir(folder)).toEqual(["taken"]);
});
