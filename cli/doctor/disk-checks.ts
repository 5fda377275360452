import { formatSize } from "../output/format.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";
import type { Machine } from "./machine.ts";

/** Below this, images and stores soon do not fit. */
const PROBLEM_BYTES = 2 ** 30;
const WARNING_SHARE = 0.1;

/** Whether there is room where `path` is, or will be. */
export async function checkSpace(machine: Machine, what: string, path: string): Promise<Finding> {
  const check = `room for ${what}`;
  try {
    const { availableBytes, totalBytes } = await machine.folder(path);
    const words = `${formatSize(availableBytes)} of ${formatSize(totalBytes)} are free at ${path}`;
    const remedy = `free some: docker system prune, or move ${path} to a larger disk`;
    if (availableBytes < PROBLEM_BYTES) return problem(check, words, remedy);
    if (availableBytes < WARNING_SHARE * totalBytes) return warning(check, words, remedy);
    return ok(check, words);
  } catch (error) {
    return problem(check, `${path} cannot be looked at: ${wordsOf(error)}`, "be a user who may");
  }
}

/** Whether a server can keep its state there. */
export async function checkState(machine: Machine, path: string): Promise<readonly Finding[]> {
  try {
    const found = await machine.folder(path);
    const words = found.path === path ? path : `${path}, which will be made`;
    const writable = found.isWritable
      ? ok("state", words)
      : problem(
          "state",
          `${found.path} may not be written to`,
          "say where else with --state-dir, or give this user the folder",
        );
    return [writable, await checkSpace(machine, "state", path)];
  } catch (error) {
    return [
      problem(
        "state",
        `${path} cannot be looked at: ${wordsOf(error)}`,
        "say where else with --state-dir",
      ),
    ];
  }
}

export const wordsOf = (error: unknown): string =>
  String((Object(error) as Readonly<{ message?: unknown }>).message ?? error);
