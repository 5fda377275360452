import { constants } from "node:fs";
import { chmod, mkdir, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { StoreError } from "./store.ts";

/** What LMDB writes into its first page, at which place. */
const MAGIC = { offset: 24, bytes: Buffer.from("dec0efbe", "hex") } as const;

/** Makes the folder if it is missing. One that is open to others might be somebody's home. */
export async function prepareFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const mode = (await stat(folder)).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  const remedy = "make it private with chmod 700, or name one that does not exist yet";
  throw new StoreError(
    `store folder ${folder} is open to others (mode ${mode.toString(8)}): ${remedy}`,
  );
}

/** LMDB dies of a segmentation fault when it is given a file that is not its own. */
export async function refuseForeignData(folder: string): Promise<void> {
  const file = await open(join(folder, "data.mdb"), constants.O_RDONLY | constants.O_CREAT, 0o600);
  try {
    const { offset, bytes } = MAGIC;
    const { bytesRead, buffer } = await file.read(Buffer.alloc(offset + bytes.length), {
      position: 0,
    });
    if (bytesRead === 0 || buffer.subarray(offset).equals(bytes)) return;
    const remedy = "restore it from a backup or choose another folder";
    throw new StoreError(`data.mdb in ${folder} is not a store: ${remedy}`);
  } finally {
    await file.close();
  }
}

/** LMDB makes its files readable to everybody. */
export async function closeToOthers(folder: string): Promise<void> {
  await Promise.all(["data.mdb", "lock.mdb"].map((name) => chmod(join(folder, name), 0o600)));
}

/** Makes the names of a folder's files as durable as their content. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
