import { execFile } from "node:child_process";
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { pack } from "./pack.ts";
import { readTar } from "./read-tar.ts";
import type { TarEntry } from "./tar-entry.ts";
import { unpack } from "./unpack.ts";
import { beginEntry, endArchive, endEntry } from "./write-tar.ts";

const run = promisify(execFile);
const newFolder = () => mkdtemp(join(tmpdir(), "berth-tar-"));
const never = (path: string) => {
  throw new Error(`${path} was skipped`);
};
const LONG = `${"long-".repeat(30)}name`;
const TIME = new Date("2024-05-06T07:08:09Z");

/** A folder with one of everything that archives hold. */
async function sample(): Promise<string> {
  const folder = join(await newFolder(), "app");
  await mkdir(join(folder, "sub", LONG), { recursive: true });
  await writeFile(join(folder, "empty"), "");
  await writeFile(join(folder, "run.sh"), "#!/bin/sh\n", { mode: 0o755 });
  await writeFile(join(folder, "sub", LONG, "größe 😀"), "x".repeat(70_000));
  await link(join(folder, "run.sh"), join(folder, "zz-same"));
  await symlink("../run.sh", join(folder, "sub", "link"));
  await symlink(`/nowhere/${LONG}`, join(folder, "broken"));
  await chmod(join(folder, "sub"), 0o555);
  await utimes(join(folder, "run.sh"), TIME, TIME);
  return folder;
}

async function expectSample(folder: string): Promise<void> {
  expect((await readdir(folder)).sort()).toEqual(["broken", "empty", "run.sh", "sub", "zz-same"]);
  expect(await readFile(join(folder, "empty"), "utf8")).toBe("");
  expect(await readFile(join(folder, "zz-same"), "utf8")).toBe("#!/bin/sh\n");
  expect((await lstat(join(folder, "run.sh"))).mode & 0o777).toBe(0o755);
  expect((await lstat(join(folder, "sub"))).mode & 0o777).toBe(0o555);
  expect((await lstat(join(folder, "run.sh"))).mtime).toEqual(TIME);
  const big = await readFile(join(folder, "sub", LONG, "größe 😀"), "utf8");
  expect(big).toBe("x".repeat(70_000));
  expect(await readlink(join(folder, "sub", "link"))).toBe("../run.sh");
  expect(await readlink(join(folder, "broken"))).toBe(`/nowhere/${LONG}`);
}

/** As a network would: in pieces of any size. */
async function* pieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

describe("an archive", () => {
  test("of a folder is the folder again, permissions, times and links kept", async () => {
    const target = await newFolder();
    const bytes = await whole(pack(await sample(), { name: "app", onSkip: never }));
    await unpack(pieces(bytes, 1_000), {
      ...{ folder: target, rename: { from: "app", to: "copy" }, onSkip: never },
    });
    await expectSample(join(target, "copy"));
  });

  test("is read by the system's tar", async () => {
    const target = await newFolder();
    const bytes = await whole(pack(await sample(), { name: "app", onSkip: never }));
    await writeFile(join(target, "a.tar"), bytes);
    await run("tar", ["-xpf", "a.tar"], { cwd: target });
    await expectSample(join(target, "app"));
  });

  test.each(["gnu", "pax", "ustar"])("of the system's tar is read: %s", async (format) => {
    const [folder, target] = [await sample(), await newFolder()];
    // What the oldest of the formats cannot say is left out of it.
    const without = format === "ustar" ? ["--exclude=broken", "--exclude=sub"] : [];
    const flags = [`--format=${format}`, ...without, "-cf", "-", "app"];
    const { stdout } = await run("tar", flags, {
      ...{ cwd: join(folder, ".."), encoding: "buffer", maxBuffer: 10_000_000 },
    });
    await unpack(pieces(stdout, 777), { folder: target, onSkip: never });
    if (format === "ustar")
      expect(await readFile(join(target, "app", "zz-same"), "utf8")).toBe("#!/bin/sh\n");
    else await expectSample(join(target, "app"));
    expect((await lstat(join(target, "app", "run.sh"))).nlink).toBe(2);
  });

  test("that names what it holds in any letters says the same again", async () => {
    const name = fc
      .string({ unit: "binary", minLength: 1, maxLength: 300 })
      .filter((text) => !/[\0/]/.test(text) && Buffer.from(text).toString() === text);
    await fc.assert(
      fc.asyncProperty(name, fc.uint8Array({ maxLength: 2_000 }), async (path, content) => {
        const entry = fileOf(path, content.length);
        const bytes = archiveOf([entry, content]);
        for await (const item of readTar(pieces(bytes, 600))) {
          expect(item.entry).toEqual(entry);
          expect(new Uint8Array(await whole(item.content))).toEqual(content);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("of more than 8 GiB says so", async () => {
    const bytes = beginEntry(fileOf("big", 9 * 2 ** 30));
    const { value } = await readTar(pieces(bytes, 512)).next();
    expect(value).toMatchObject({ entry: { path: "big", sizeBytes: 9 * 2 ** 30 } });
  });
});

const fileOf = (path: string, sizeBytes: number): TarEntry => ({
  ...{ path, kind: "file", permissions: 0o644, sizeBytes, modifyMs: TIME.getTime(), target: "" },
});
const folderOf = (path: string): TarEntry => ({ ...fileOf(path, 0), kind: "folder" });
const linkOf = (path: string, target: string, kind: "link" | "hardLink" = "link"): TarEntry => ({
  ...fileOf(path, 0),
  ...{ kind, target },
});

function archiveOf(...items: readonly (readonly [TarEntry, Uint8Array?])[]): Buffer {
  const parts = items.flatMap(([entry, content = new Uint8Array()]) => [
    ...[beginEntry(entry), content, endEntry(entry)],
  ]);
  return Buffer.concat([...parts, endArchive()]);
}

const secret = Buffer.from("owned");
const evil = (path: string) => [fileOf(path, secret.length), secret] as const;

describe("unpacking", () => {
  test.each([
    ["app", "app/x", "."],
    ["/", "/x", "."],
    ["/", "/x", "root"],
  ])("puts %s, which has %s, where it is wanted", async (from, path, to) => {
    const folder = await newFolder();
    const archive = archiveOf([folderOf(from)], evil(path));
    await unpack(pieces(archive, 512), { folder, rename: { from, to }, onSkip: never });
    expect(await readFile(join(folder, to, "x"), "utf8")).toBe("owned");
  });

  test("refuses what is beside that which the archive is of", async () => {
    const folder = await newFolder();
    const rename = { from: "app", to: "." };
    const unpacking = unpack(pieces(archiveOf(evil("apple")), 512), {
      ...{ folder, rename, onSkip: never },
    });
    await expect(unpacking).rejects.toThrow("leads out of the folder");
  });

  test.each<[string, Buffer, string]>([
    ["an absolute path", archiveOf(evil("/tmp/x")), "leads out of the folder"],
    ["a path with ..", archiveOf(evil("a/../../x")), "leads out of the folder"],
    ["the way through a link", archiveOf([linkOf("a", "..")], evil("a/x")), "is no folder"],
    [
      "a hard link to elsewhere",
      archiveOf([linkOf("a", "../x", "hardLink")]),
      "leads out of the folder",
    ],
    [
      "a hard link through a link",
      archiveOf([linkOf("a", "..")], [linkOf("b", "a/x", "hardLink")]),
      "is no folder",
    ],
    [
      "a hard link to a link",
      archiveOf([linkOf("a", "../x")], [linkOf("b", "a", "hardLink")]),
      "is no file",
    ],
  ])("refuses %s", async (_what, bytes, words) => {
    const outer = await newFolder();
    const folder = join(outer, "in");
    await mkdir(folder);
    await writeFile(join(outer, "x"), "before");
    await expect(unpack(pieces(bytes, 512), { folder, onSkip: never })).rejects.toThrow(words);
    expect(await readFile(join(outer, "x"), "utf8")).toBe("before");
    expect((await readdir(outer)).sort()).toEqual(["in", "x"]);
  });

  test("replaces a link that lies there, and not what it leads to", async () => {
    const folder = await newFolder();
    await writeFile(join(folder, "precious"), "before");
    await symlink("precious", join(folder, "x"));
    await unpack(pieces(archiveOf(evil("x")), 512), { folder, onSkip: never });
    expect(await readFile(join(folder, "precious"), "utf8")).toBe("before");
    expect(await readFile(join(folder, "x"), "utf8")).toBe("owned");
  });

  test("leaves out devices and pipes, and says so", async () => {
    const folder = await newFolder();
    const skipped: string[] = [];
    const bytes = archiveOf([{ ...fileOf("dev", 0), kind: "other" }], evil("x"));
    await unpack(pieces(bytes, 512), { folder, onSkip: (path) => skipped.push(path) });
    expect(skipped).toEqual(["dev"]);
    expect(await readdir(folder)).toEqual(["x"]);
  });

  test.each([
    ["cut off in its content", archiveOf(evil("x")).subarray(0, 514), "cut off"],
    ["cut off at its end", archiveOf(evil("x")).subarray(0, 1_024), "cut off"],
    ["no archive", Buffer.from("x".repeat(1_024)), "damaged"],
    ["empty", Buffer.alloc(0), "cut off"],
  ])("refuses what is %s", async (_what, bytes, words) => {
    const folder = await newFolder();
    await expect(unpack(pieces(bytes, 100), { folder, onSkip: never })).rejects.toThrow(words);
  });

  test("never crashes, whatever comes", async () => {
    const good = archiveOf([linkOf("l".repeat(200), "x")], evil("größe"));
    const byte = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(byte, { minLength: 1, maxLength: 5 }), async (edits) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of edits) bytes[at] = value;
        try {
          for await (const { content } of readTar(pieces(bytes, 512))) await whole(content);
        } catch (error) {
          expect(error).toMatchObject({ name: "TarError" });
        }
      }),
      { numRuns: 500 },
    );
  });
});
