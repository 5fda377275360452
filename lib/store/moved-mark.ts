import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { StoreError } from "./store.ts";
import { syncFolder } from "./store-folder.ts";

/** That a store lives elsewhere now. `moving`: its copy there may not be finished yet. */
export type MovedMark = Readonly<{
  state: "moving" | "moved";
  /** Where it went, as people name it. */
  to: string;
  /** When, in ISO 8601. */
  time: string;
}>;

const NAME = "moved.json";

/** Keeps whoever would write to the store in `folder` from it. Durable when it resolves. */
export async function writeMovedMark(folder: string, mark: MovedMark): Promise<void> {
  const path = join(folder, NAME);
  const file = await open(`${path}.new`, "w", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(mark)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncFolder(folder);
}

/** Undefined where the store never moved. A mark that cannot be read is one all the same. */
export async function readMovedMark(folder: string): Promise<MovedMark | undefined> {
  const path = join(folder, NAME);
  try {
    const { state, to, time } = JSON.parse(await readFile(path, "utf8"));
    return { state: state === "moved" ? "moved" : "moving", to: String(to), time: String(time) };
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new StoreError(`${path} cannot be read: did the store move?`, { cause });
  }
}

const isMissing = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT";

/** Refuses a store that lives elsewhere: what is written to it would be lost. */
export async function refuseMoved(folder: string): Promise<void> {
  const mark = await readMovedMark(folder);
  if (mark === undefined) return;
  const { state, to, time } = mark;
  const back = "the way back is in docs/backup.md";
  throw new StoreError(
    state === "moved"
      ? `the store in ${folder} moved to ${to} at ${time}: start with --store ${to}; ${back}`
      : `the store in ${folder} is on its way to ${to}: type berth migrate again; ${back}`,
  );
}
