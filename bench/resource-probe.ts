import { writeFileSync } from "node:fs";

/**
 * Loaded into a process under test by `--import`. At SIGUSR2 it collects garbage (`--expose-gc`)
 * and writes what is left into the file that the environment names: bytes, and live resources by
 * kind. Berth itself knows nothing of it.
 */
const file = process.env["RESOURCES_FILE"];
if (file) process.on("SIGUSR2", () => report(file));

function report(path: string): void {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  writeFileSync(path, JSON.stringify({ liveBytes: heapUsed + external, counts }));
}
