import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { test } from "@jest/globals";

/** What a fault takes that not every machine has. */
export type Need =
  | "root"
  | "dockerd"
  | "faketime"
  | "ip"
  | "iptables"
  | "prlimit"
  | "ss"
  | "strace";

/**
 * A test of a fault. Where the machine lacks something that it needs it is not run, and its name
 * says why: scripts/test.mjs counts such tests in its last line and lists them.
 */
export function faultTest(name: string, needs: readonly Need[], run: () => Promise<void>): void {
  const missing = needs.filter((need) => !has(need));
  if (missing.length === 0) test(name, run);
  else test.skip(`${name} (needs ${missing.join(" and ")})`, run);
}

/** Whether a whole file's tests can run: its set-up needs the same. */
export const hasAll = (needs: readonly Need[]): boolean => needs.every(has);

function has(need: Need): boolean {
  if (need === "root") return process.getuid?.() === 0;
  if (need === "faketime") return faketimeLibrary() !== undefined;
  return spawnSync("sh", ["-c", `command -v ${need}`]).status === 0;
}

const LIBRARIES = "/usr/lib";

/** Where Debian's libfaketime lies, under the folder of whatever architecture this is. */
export function faketimeLibrary(): string | undefined {
  return readdirSync(LIBRARIES)
    .map((folder) => `${LIBRARIES}/${folder}/faketime/libfaketime.so.1`)
    .find((path) => existsSync(path));
}
