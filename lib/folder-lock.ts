import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Which process a folder belongs to. The start time tells it from a later one with its number. */
type Owner = Readonly<{ pid: number; startTime: string | undefined }>;

export interface FolderLock {
  /** Lets the next one in. */
  release(): Promise<void>;
}

const LOCK_NAME = "owner.json";

/** How often to try again when another process takes or leaves the lock at the same moment. */
const TRIES_MAX = 5;

/** Makes the error for a problem such as "FOLDER is in use by process 7: stop it or …". */
type Refuse = (problem: string) => Error;

/**
 * Makes this process the only one that works in `folder`. A lock whose process has died is taken
 * over. Throws what `refuse` makes of the problem, which names the living holder.
 *
 * It guards against two processes of one machine or one container. Two containers that share the
 * folder do not see each other's processes: give each its own.
 */
export async function lockFolder(folder: string, refuse: Refuse): Promise<FolderLock> {
  const path = join(folder, LOCK_NAME);
  const self: Owner = { pid: process.pid, startTime: await startTimeOf(process.pid) };
  for (let i = 0; i < TRIES_MAX; i++) {
    if (await claim(path, self)) return { release: () => rm(path, { force: true }) };
    const holder = await removeIfStale(path);
    if (holder !== undefined)
      throw refuse(`${folder} is in use by ${holder}: stop it or choose another folder`);
  }
  throw refuse(`${folder} changes hands all the time: is it started twice?`);
}

/** Tells apart the passing files of one process. */
let serial = 0;

/** Creates the lock with its content in one step, so that nobody reads half of it. */
async function claim(path: string, self: Owner): Promise<boolean> {
  const draft = `${path}.${self.pid}.${serial++}`;
  await writeFile(draft, JSON.stringify(self), { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Removes a lock whose process has died. Returns who holds it otherwise. */
async function removeIfStale(path: string): Promise<string | undefined> {
  const seen = await readIfExists(path);
  if (seen === undefined) return undefined;
  const owner = parseOwner(seen);
  if (owner && (await isAlive(owner)))
    return `${owner.pid === process.pid ? "this process" : "process"} ${owner.pid}`;
  await removeExactly(path, seen);
  return undefined;
}

/** Removes the lock that was `seen`; one that somebody else has put there since goes back. */
async function removeExactly(path: string, seen: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}.${serial++}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, "utf8")) !== seen) await link(aside, path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT" && codeOf(error) !== "EEXIST") throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function isAlive({ pid, startTime }: Owner): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    if (codeOf(error) !== "EPERM") return false;
  }
  const actual = await startTimeOf(pid);
  return startTime === undefined || actual === undefined || actual === startTime;
}

/** Clock ticks from the machine's boot to the start of a process; undefined where there is no /proc. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readIfExists(`/proc/${pid}/stat`);
  // Field 22 of proc(5). The second, the name, may hold spaces and ends with the last ")".
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

function parseOwner(text: string): Owner | undefined {
  try {
    const { pid, startTime } = JSON.parse(text);
    return Number.isInteger(pid) && pid > 0 ? { pid, startTime } : undefined;
  } catch {
    // Not ours, or torn by a crash of the machine: nobody alive wrote it.
    return undefined;
  }
}

async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return undefined;
    throw error;
  }
}

const codeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
