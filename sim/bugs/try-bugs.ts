import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bug } from "./bug.ts";

/** What became of a bug that was put back. */
export type Trial = Readonly<{
  bug: Bug;
  /** The first seed that showed it, and the violated invariant. Undefined: it was not found. */
  found: Readonly<{ seed: number; violation: string }> | undefined;
}>;

type Options = Readonly<{
  bugs: readonly Bug[];
  /** The folder of the compiled program, and of the packages it needs. */
  distFolder: string;
  /** Seeds that are tried for each. */
  seedCount: number;
  /** How many bugs are tried at once. */
  laneCount: number;
  onTrial: (trial: Trial) => void;
}>;

/**
 * Puts each bug into a copy of the compiled program and runs seeds until one fails. Rejects before
 * the first when the text of any has changed.
 */
export async function tryBugs(options: Options): Promise<void> {
  await findAll(options.bugs, options.distFolder);
  const queue = options.bugs[Symbol.iterator]();
  await Promise.all(Array.from({ length: options.laneCount }, () => runLane(queue, options)));
}

/** Rejects when the text of any bug is not there, or not once: what it replaces was changed since. */
export async function findAll(bugs: readonly Bug[], distFolder: string): Promise<void> {
  for (const bug of bugs) await partsOf(bug, distFolder);
}

async function runLane(queue: Iterator<Bug>, options: Options): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "berth-bugs-"));
  try {
    await copyProgram(options.distFolder, folder);
    for (let next = queue.next(); !next.done; next = queue.next())
      options.onTrial(await tryBug(next.value, folder, options.seedCount));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function copyProgram(distFolder: string, folder: string): Promise<void> {
  await cp(distFolder, join(folder, "dist"), {
    recursive: true,
    filter: (source) => !source.endsWith("node_modules"),
  });
  const root = join(distFolder, "..");
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await cp(join(root, "package.json"), join(folder, "package.json"));
}

async function tryBug(bug: Bug, folder: string, seedCount: number): Promise<Trial> {
  const path = join(folder, "dist", bug.file);
  const parts = await partsOf(bug, join(folder, "dist"));
  await writeFile(path, parts.join(bug.replace));
  try {
    return { bug, found: findingIn(await runSeeds(folder, seedCount)) };
  } finally {
    await writeFile(path, parts.join(bug.find));
  }
}

/** What is before and after the text that a bug replaces, which must be there once. */
async function partsOf({ name, file, find }: Bug, distFolder: string): Promise<readonly string[]> {
  const parts = (await readFile(join(distFolder, file), "utf8")).split(find);
  if (parts.length === 2) return parts;
  throw new Error(`bug "${name}": ${parts.length - 1} places of its text in ${file}`);
}

/** What the program prints that has the bug. */
function runSeeds(folder: string, seedCount: number): Promise<string> {
  const program = join(folder, "dist/cli/main.js");
  const flags = ["sim", "--hasty", "--jobs", "1", "--seeds", String(seedCount)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...flags], { cwd: folder });
    let printed = "";
    child.stdout.on("data", (data) => {
      printed += data;
    });
    child.on("error", reject);
    child.on("close", () => resolve(printed));
  });
}

function findingIn(printed: string): Trial["found"] {
  const [, seed, violation] = /^seed (\d+) failed: (.*)$/m.exec(printed) ?? [];
  return violation === undefined ? undefined : { seed: Number(seed), violation };
}
