import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import { test } from "@jest/globals";
import { TEST_IMAGE } from "./engine.ts";

const run = promisify(execFile);

const ROOT = new URL("../../", import.meta.url).pathname;
const FOLDER = join(ROOT, "examples");

/** How long a tool may take: one that builds may have to fetch what it builds. */
const TOOL_MS = 300_000;

/** What every example prints, but for the task's ID: examples/README.md. */
export const SCENARIO = [
  "refused INVALID_ARGUMENT BAD_FIELDS spec.image,spec.limit.memory_bytes",
  "missing NOT_FOUND TASK_NOT_FOUND",
  "submitted ID",
  "running",
  "log hello from berth",
  "stopped",
  "removed",
];

/** What an example said, a line each, its task's ID as `ID`. */
export const linesOf = (output: string): readonly string[] =>
  // Maven colours what it passes on.
  stripVTControlCharacters(output)
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/^submitted [a-z0-9-]{1,64}$/, "submitted ID"));

/** Runs something of an example, and resolves with what it printed. Rejects with stderr. */
export async function runIn(
  folder: string,
  [command = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options = { cwd: join(FOLDER, folder), env: { ...pathEnv(), ...env }, timeout: TOOL_MS };
  const { stdout } = await run(command, args, { ...options, maxBuffer: 2 ** 26 });
  return stdout;
}

/** `buf` is a package of this repository. */
const pathEnv = () => ({
  ...process.env,
  PATH: `${join(ROOT, "node_modules/.bin")}:${process.env["PATH"]}`,
});

/** What an example is told of the cluster. */
export const settingsFor = (managerAddress: string) => ({
  BERTH_ADDR: managerAddress,
  IMAGE: TEST_IMAGE,
});

/** Runs `body` with an empty folder that is gone afterwards. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "berth-example-"));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * A test that takes a toolchain which not every machine has. Where `probe` fails it is not run, and
 * its name says why: scripts/test.mjs counts such tests in its last line and lists them.
 */
export function toolTest(
  name: string,
  { needs, probe }: Readonly<{ needs: string; probe: string }>,
  body: () => Promise<void>,
): void {
  const { status } = spawnSync("sh", ["-c", probe], { cwd: FOLDER, timeout: TOOL_MS });
  if (status === 0) test(name, body, TOOL_MS);
  else test.skip(`${name} (needs ${needs})`, body);
}
