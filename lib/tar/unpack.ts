import { constants } from "node:fs";
import { chmod, link, lstat, mkdir, open, rm, symlink, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readTar, type TarItem } from "./read-tar.ts";
import { type TarEntry, TarError } from "./tar-entry.ts";

type Options = Readonly<{
  /** A folder that exists. Nothing outside it is touched. */
  folder: string;
  /** What the archive is of, and what that is to be called: `.` is the folder itself. Absent: as it is. */
  rename?: Rename | undefined;
  /** Told of what is not made: devices, pipes. */
  onSkip: (path: string) => void;
}>;

type Rename = Readonly<{ from: string; to: string }>;

/**
 * Unpacks a tar archive. What leads out of the folder is refused: an absolute path, one with `..`, or
 * one through a link. Permissions are kept, owners are not.
 */
export async function unpack(
  chunks: AsyncIterable<Uint8Array>,
  { folder, rename, onSkip }: Options,
): Promise<void> {
  const folders: (readonly [path: string, entry: TarEntry])[] = [];
  for await (const item of readTar(chunks)) {
    const parts = partsOf(item.entry.path, rename);
    if (parts.length === 0) continue;
    const path = join(folder, ...parts);
    await refuseLinks(folder, parts.slice(0, -1));
    if (item.entry.kind === "folder") folders.push([path, item.entry]);
    if (item.entry.kind === "other") onSkip(item.entry.path);
    else await make(item, path, { folder, rename });
  }
  // Now that nothing more is made in them, and the innermost first.
  for (const [path, { permissions, modifyMs }] of folders.toReversed()) {
    await utimes(path, modifyMs / 1000, modifyMs / 1000);
    await chmod(path, permissions);
  }
}

/** The names on the way to an entry. */
function partsOf(path: string, rename: Rename | undefined): readonly string[] {
  const inner = rename ? renamed(path, rename) : path;
  const parts = inner.split("/").filter((part) => part !== "" && part !== ".");
  if (inner.startsWith("/") || parts.includes("..") || inner.includes("\0")) throw astray(path);
  return parts;
}

/** Paths are those of the thing that the archive is of, and of what is in it. */
function renamed(path: string, { from, to }: Rename): string {
  const base = from.replace(/\/+$/, "");
  if (path === base) return to;
  if (!path.startsWith(`${base}/`)) throw astray(path);
  return `${to}/${path.slice(base.length + 1)}`;
}

const astray = (path: string) =>
  new TarError(`the archive has ${JSON.stringify(path)}, which leads out of the folder`);

/** What is made goes into folders only, not to where links lead that lie there or were unpacked before. */
async function refuseLinks(folder: string, parts: readonly string[]): Promise<void> {
  for (let count = 1; count <= parts.length; count++) {
    const path = join(folder, ...parts.slice(0, count));
    const stats = await lstatIfThere(path);
    if (stats && !stats.isDirectory())
      throw new TarError(`${path} is no folder: what the archive has below it is not unpacked`);
  }
}

type Place = Pick<Options, "folder" | "rename">;

async function make({ entry, content }: TarItem, path: string, place: Place): Promise<void> {
  if (entry.kind === "folder") return makeFolder(path);
  await mkdir(dirname(path), { recursive: true });
  const stats = await lstatIfThere(path);
  if (stats?.isDirectory()) throw new TarError(`${path} is a folder: it is not replaced by a file`);
  if (stats) await rm(path);
  if (entry.kind === "link") return symlink(entry.target, path);
  if (entry.kind === "hardLink") return makeHardLink(entry, path, place);
  await writeContent(path, entry, content);
}

async function makeFolder(path: string): Promise<void> {
  const stats = await lstatIfThere(path);
  if (stats && !stats.isDirectory()) throw new TarError(`${path} is no folder`);
  // For its owner to fill; what the archive says comes in the end.
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (stats) await chmod(path, 0o700);
}

/** Another name of a file that was unpacked before. */
async function makeHardLink(entry: TarEntry, path: string, { folder, rename }: Place) {
  const parts = partsOf(entry.target, rename);
  await refuseLinks(folder, parts.slice(0, -1));
  const target = join(folder, ...parts);
  const stats = await lstatIfThere(target);
  if (!stats?.isFile())
    throw new TarError(`${entry.path} is another name of ${entry.target}, which is no file`);
  await link(target, path);
}

/** Never through a link, even one that somebody puts there meanwhile. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

async function writeContent(
  path: string,
  { permissions, modifyMs }: TarEntry,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const file = await open(path, NEW_FILE, 0o600);
  try {
    for await (const chunk of content) await file.writeFile(chunk);
    await file.chmod(permissions);
    await file.utimes(modifyMs / 1000, modifyMs / 1000);
  } finally {
    await file.close();
  }
}

async function lstatIfThere(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
