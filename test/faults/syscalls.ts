import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { startProgram } from "./program.ts";
import { filesFolder } from "./traces.ts";

/** System calls of a process go wrong until this is stopped. */
export type Trouble = Readonly<{ stop(): Promise<void> }>;

let count = 0;

/**
 * Makes system calls of a running process, all its threads, fail, wait or kill it. `injection` is
 * strace's, such as `fsync,fdatasync:error=EIO`.
 */
export async function breakCalls(pid: number, injection: string): Promise<Trouble> {
  count += 1;
  const logFile = join(filesFolder(), `berth-faults-strace-${process.pid}-${count}.log`);
  const calls = injection.slice(0, injection.indexOf(":"));
  const strace = startProgram({
    command: [
      ...["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${calls}`],
      ...["-e", `inject=${injection}`, "-p", String(pid)],
    ],
    logFile,
  });
  await eventually("strace is attached", async () => {
    if (!strace.isAlive()) throw new Error(`strace ended: ${readFileSync(logFile, "utf8")}`);
    return Number(/TracerPid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) > 0;
  });
  return {
    async stop() {
      if (strace.isAlive()) strace.signal("SIGINT");
      await strace.ended;
      rmSync(logFile, { force: true });
    },
  };
}
