import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuSecondsOf, ownBytesOf, rssBytesOf } from "./proc.ts";

const BERTH = new URL("../../bin/berth", import.meta.url).pathname;

/** A Berth command that runs beside the bench. */
export interface BerthProcess {
  readonly managerAddress: string;
  /** CPU seconds used so far, user and system. */
  cpuSeconds(): number;
  rssBytes(): number;
  /** Of these, those that no other process shares. */
  ownBytes(): number;
  descriptorCount(): number;
  /** Where it keeps its state, if it keeps any. */
  readonly stateFolder: string;
  /** What it keeps on disk, as blocks that are in use. */
  stateBytes(): number;
  /** What is left after a collection of garbage. Only of a process that was started as probed. */
  resources(): Promise<Resources>;
  stop(): Promise<void>;
}

/** As `resource-probe.ts` writes them. */
export type Resources = Readonly<{ liveBytes: number; counts: Readonly<Record<string, number>> }>;

/** Flags of Node for the processes under test, such as `--cpu-prof --cpu-prof-dir=/tmp/profiles`. */
const NODE_FLAGS = (process.env["BENCH_NODE_FLAGS"] ?? "").split(" ").filter((flag) => flag !== "");

const PROBE = new URL("./resource-probe.js", import.meta.url).pathname;

type Options = Readonly<{
  args: readonly string[];
  /** Empty for a command that serves no users. */
  managerAddress: string;
  /** What its output says once it is ready. */
  readyWhen: RegExp;
  /** Whether it keeps something on disk. */
  isStateful: boolean;
  /** Whether it is to answer `resources`. */
  isProbed?: boolean;
}>;

/** Starts a command and resolves once its output says that it is ready. */
export async function startBerth({
  args,
  managerAddress,
  readyWhen,
  isStateful,
  isProbed = false,
}: Options): Promise<BerthProcess> {
  const folder = mkdtempSync(join(tmpdir(), "berth-bench-"));
  const log = join(folder, "log");
  const output = openSync(log, "a");
  const resourcesFile = join(folder, "resources.json");
  const stateFolder = join(folder, "state");
  const flags = [...NODE_FLAGS, ...(isProbed ? ["--expose-gc", "--import", PROBE] : [])];
  const [command, ...all] = [
    ...(flags.length > 0 ? [process.execPath, ...flags] : []),
    ...[BERTH, ...args, ...(isStateful ? ["--state-dir", stateFolder] : [])],
  ];
  const env = { ...process.env, RESOURCES_FILE: resourcesFile };
  const child = spawn(command ?? BERTH, all, { stdio: ["ignore", output, output], env });
  await untilReady(child, log, readyWhen);
  return {
    managerAddress,
    stateFolder,
    cpuSeconds: () => cpuSecondsOf(child.pid),
    descriptorCount: () => readdirSync(`/proc/${child.pid}/fd`).length,
    stateBytes: () => usedBytes(stateFolder),
    async resources() {
      rmSync(resourcesFile, { force: true });
      child.kill("SIGUSR2");
      return JSON.parse(await untilWritten(resourcesFile));
    },
    rssBytes: () => rssBytesOf(child.pid),
    ownBytes: () => ownBytesOf(child.pid),
    async stop() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await gone;
      rmSync(folder, { recursive: true });
    },
  };
}

/** Blocks in use, as `du` counts them: files may have holes. */
function usedBytes(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + blocksOf(join(parentPath, name)), 0);
}

const blocksOf = (path: string): number => statSync(path).blocks * 512;

async function untilWritten(file: string): Promise<string> {
  for (let left = 2_400; left > 0; left--) {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    if (text.endsWith("}")) return text;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${file} was not written: does the process still live?`);
}

async function untilReady(child: ChildProcess, log: string, readyWhen: RegExp): Promise<void> {
  for (let left = 2_400; left > 0; left--) {
    const text = readFileSync(log, "utf8");
    if (readyWhen.test(text)) return;
    if (child.exitCode !== null) throw new Error(`berth ended before it was ready:\n${text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill();
  throw new Error(`berth never was ready:\n${readFileSync(log, "utf8")}`);
}
