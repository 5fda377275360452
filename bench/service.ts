import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";

const BERTH = new URL("../../bin/berth", import.meta.url).pathname;

/** How long a service may take to end when asked to. */
const STOP_MS = 10_000;

/** One of Berth's processes, to be killed, silenced and started again with the same state. */
export interface Service {
  start(): void;
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export function createService(args: readonly string[], logFile: string): Service {
  let child: ChildProcess | undefined;

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child?.once("exit", resolve));
    child.kill("SIGCONT");
    child.kill(signal);
    const impatience = setTimeout(() => child?.kill("SIGKILL"), STOP_MS);
    await gone;
    clearTimeout(impatience);
  }

  return {
    start() {
      const log = openSync(logFile, "a");
      child = spawn(process.execPath, [BERTH, ...args], { stdio: ["ignore", log, log] });
    },
    kill: () => end("SIGKILL"),
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    stop: () => end("SIGTERM"),
  };
}
