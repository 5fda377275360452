import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BERTH = new URL("../../bin/berth", import.meta.url).pathname;

/** Kernel clock ticks a second, as in every Linux on the platforms that Node supports. */
const TICKS_PER_SECOND = 100;

/** A Berth command that runs beside the bench. */
export interface BerthProcess {
  readonly managerAddress: string;
  /** CPU seconds used so far, user and system. */
  cpuSeconds(): number;
  rssBytes(): number;
  stop(): Promise<void>;
}

type Options = Readonly<{
  args: readonly string[];
  /** Empty for a command that serves no users. */
  managerAddress: string;
  /** What its output says once it is ready. */
  readyWhen: RegExp;
  /** Whether it keeps something on disk. */
  isStateful: boolean;
}>;

/** Starts a command and resolves once its output says that it is ready. */
export async function startBerth({
  args,
  managerAddress,
  readyWhen,
  isStateful,
}: Options): Promise<BerthProcess> {
  const folder = mkdtempSync(join(tmpdir(), "berth-bench-"));
  const log = join(folder, "log");
  const output = openSync(log, "a");
  const all = [BERTH, ...args, ...(isStateful ? ["--state-dir", join(folder, "state")] : [])];
  const child = spawn(process.execPath, all, { stdio: ["ignore", output, output] });
  await untilReady(child, log, readyWhen);
  const read = (file: string) => readFileSync(`/proc/${child.pid}/${file}`, "utf8");
  return {
    managerAddress,
    cpuSeconds() {
      const fields = read("stat").split(") ")[1]?.split(" ") ?? [];
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    },
    rssBytes: () => Number(/VmRSS:\s+(\d+)/.exec(read("status"))?.[1]) * 1024,
    async stop() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await gone;
      rmSync(folder, { recursive: true });
    },
  };
}

async function untilReady(child: ChildProcess, log: string, readyWhen: RegExp): Promise<void> {
  for (let left = 600; left > 0; left--) {
    const text = readFileSync(log, "utf8");
    if (readyWhen.test(text)) return;
    if (child.exitCode !== null) throw new Error(`berth ended before it was ready:\n${text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill();
  throw new Error(`berth never was ready:\n${readFileSync(log, "utf8")}`);
}
