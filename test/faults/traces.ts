import { appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The folder that scripts/fault-sweep.sh made for this run and removes after it, if it runs it. */
const runFolder = process.env["FAULTS_DIR"];

/** Where tests make their folders. */
export const filesFolder = (): string => runFolder ?? tmpdir();

/**
 * Notes what a test is about to make outside that folder: this process may be killed before it
 * removes it, and the sweep does it then.
 */
export function noteTrace(kind: "cgroup" | "netns", name: string): void {
  if (runFolder) appendFileSync(join(runFolder, "traces"), `${kind} ${name}\n`);
}
