import { chmod, mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { type FolderLock, lockFolder } from "../../lib/folder-lock.ts";
import type { StateFile, StateFolder } from "./state-folder.ts";

/** Only the worker's own user may read what it keeps. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** What the worker whose folder is `folder` keeps there. Makes the folder if there is none. */
export async function openStateFolder(folder: string): Promise<StateFolder> {
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  await chmod(folder, FOLDER_MODE);
  return { identity: fileIn(folder, "worker.json"), verdicts: fileIn(folder, "verdicts.json") };
}

function fileIn(folder: string, name: string): StateFile {
  const path = join(folder, name);
  return {
    path,
    read: () => readIfThere(path),
    async write(text) {
      await writeDurably(`${path}.new`, text);
      await rename(`${path}.new`, path);
      await syncFolder(folder);
    },
  };
}

/**
 * Keeps a second process out of the folder: it would be a second worker of the same name, driving
 * the same containers. Throws while a living process holds it; one that was killed holds nothing.
 */
export const lockStateFolder = (folder: string): Promise<FolderLock> =>
  lockFolder(folder, (problem) => new Error(`state folder ${problem}`));

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

const isMissing = (error: unknown) =>
  typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT";

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, "w", FILE_MODE);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A rename is durable once the folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
