import { createReadStream } from "node:fs";
import { type FileHandle, mkdtemp, open, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Entry, StoreError } from "../store.ts";
import { syncFolder } from "../store-folder.ts";
import { type Backup, decodeBackup } from "./backup-format.ts";

/** A backup may hold what only its owner is to see. */
const MODE = 0o600;

/**
 * Writes a file under another name, and gives it its own once all of it is on disk: what was there
 * before is replaced then, or stays. Tells how many bytes it has.
 */
export async function writeBackupFile(
  path: string,
  chunks: AsyncIterable<Buffer>,
): Promise<number> {
  const draft = `${path}.part-${process.pid}`;
  const file = await open(draft, "wx", MODE).catch(refuse(path, "written"));
  try {
    const bytes = await write(file, path, chunks).finally(() => file.close());
    await rename(draft, path).catch(refuse(path, "written"));
    await syncFolder(dirname(path));
    return bytes;
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

async function write(file: FileHandle, path: string, chunks: AsyncIterable<Buffer>) {
  let bytes = 0;
  for await (const chunk of chunks) {
    await file.writeFile(chunk).catch(refuse(path, "written"));
    bytes += chunk.length;
  }
  await file.sync().catch(refuse(path, "written"));
  return bytes;
}

/** A backup that was read once, to its end, and found whole. */
export interface BackupFile {
  /** Its content, from the beginning. Throws should the file have changed meanwhile. */
  read(): Promise<Backup>;
  close(): Promise<void>;
}

/**
 * Opens a backup and reads all of it, past `look`. Throws a StoreError when it is not a whole one.
 * What comes through a pipe is kept in a temporary file, for it is read twice.
 */
export async function openBackupFile(
  path: string,
  look: (page: readonly Entry[]) => void,
  signal: AbortSignal,
): Promise<BackupFile> {
  const what = await stat(path).catch(refuse(path, "read"));
  if (!what.isFile() && !what.isFIFO())
    throw new StoreError(`${path} is neither a file nor a pipe: name what \`berth backup\` wrote`);
  const opened = what.isFile() ? open(path, "r") : keepPiped(path, signal);
  const file = await opened.catch(refuse(path, "read"));
  const read = () => decodeBackup(chunksOf(file, path), path);
  try {
    const { pages } = await read();
    for await (const page of pages) look(page);
    return { read, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** All that comes through a pipe, in a file without a name: it is gone once it is closed. */
async function keepPiped(path: string, signal: AbortSignal): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), "berth-restore-"));
  const file = await open(join(folder, "backup"), "wx+", MODE).finally(() =>
    rm(folder, { recursive: true }),
  );
  try {
    for await (const chunk of createReadStream(path, { signal })) await file.writeFile(chunk);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

const CHUNK_BYTES = 2 ** 18;

async function* chunksOf(file: FileHandle, path: string): AsyncGenerator<Buffer> {
  for (let position = 0; ; ) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await file
      .read(buffer, 0, CHUNK_BYTES, position)
      .catch(refuse(path, "read"));
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

const refuse = (path: string, what: "read" | "written") => (cause: unknown) => {
  const { message } = cause as Error;
  throw new StoreError(`${path} cannot be ${what}: ${message}`, { cause });
};
