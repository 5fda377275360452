import type { Stats } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { type TarEntry, TarError } from "./tar-entry.ts";
import { beginEntry, endArchive, endEntry } from "./write-tar.ts";

type Options = Readonly<{
  /** What the archive calls it. */
  name: string;
  /** Told of what an archive cannot hold: sockets, devices, pipes. */
  onSkip: (path: string) => void;
}>;

type Bytes = AsyncGenerator<Uint8Array, void, undefined>;

/** A tar archive of a file, a link or a folder and all that is in it. Links are kept as they are. */
export async function* pack(path: string, options: Options): Bytes {
  yield* packOne(path, options);
  yield endArchive();
}

async function* packOne(path: string, { name, onSkip }: Options): Bytes {
  const stats = await lstat(path);
  if (stats.isDirectory()) {
    yield beginEntry(entryOf(stats, { path: name, kind: "folder" }));
    for (const each of (await readdir(path)).sort())
      yield* packOne(join(path, each), { name: `${name}/${each}`, onSkip });
  } else if (stats.isSymbolicLink()) {
    yield beginEntry({
      ...entryOf(stats, { path: name, kind: "link" }),
      target: await readlink(path),
    });
  } else if (stats.isFile()) {
    yield* packFile(path, name);
  } else onSkip(path);
}

function entryOf(stats: Stats, said: Pick<TarEntry, "path" | "kind">): TarEntry {
  const sizeBytes = said.kind === "file" ? stats.size : 0;
  const permissions = stats.mode % 0o1000;
  return { ...said, permissions, sizeBytes, modifyMs: stats.mtimeMs, target: "" };
}

/** As much of a file as it had when it was opened: its header says how much. */
async function* packFile(path: string, name: string): Bytes {
  const file = await open(path, "r");
  try {
    const entry = entryOf(await file.stat(), { path: name, kind: "file" });
    yield beginEntry(entry);
    let missing = entry.sizeBytes;
    if (missing > 0) {
      const content = file.createReadStream({ end: missing - 1, autoClose: false });
      for await (const chunk of content as AsyncIterable<Uint8Array>) {
        missing -= chunk.length;
        yield chunk;
      }
    }
    if (missing > 0) throw new TarError(`${path} became shorter while it was read`);
    yield endEntry(entry);
  } finally {
    await file.close();
  }
}
