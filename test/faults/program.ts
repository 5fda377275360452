import { type ChildProcess, spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";

/** How a program ended. */
export type End = Readonly<{ code: number | null; signal: NodeJS.Signals | null }>;

/** A process of a test's own. Signals go to its process ID and to nothing else. */
export interface Program {
  readonly pid: number;
  readonly ended: Promise<End>;
  isAlive(): boolean;
  signal(name: NodeJS.Signals): void;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<End>;
}

type Options = Readonly<{
  command: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Gets what it says, at the end of what is there. */
  logFile: string;
}>;

export function startProgram({ command, env = {}, logFile }: Options): Program {
  const [file = "", ...args] = command;
  const log = openSync(logFile, "a");
  const child = spawn(file, args, {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...env },
  });
  const ended = endOf(child);
  const isAlive = () => child.exitCode === null && child.signalCode === null;
  return {
    // A program that could not be started has no ID; `ended` says so.
    pid: child.pid ?? -1,
    ended,
    isAlive,
    signal: (name) => void child.kill(name),
    kill() {
      // A stopped process is killed all the same: no other signal would reach it.
      if (isAlive()) child.kill("SIGKILL");
      return ended;
    },
  };
}

const endOf = (child: ChildProcess): Promise<End> =>
  new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });

/** The last lines of a log, for a test that has failed. */
export const tailOf = (file: string, lines = 15): string =>
  readFileSync(file, "utf8").split("\n").slice(-lines).join("\n");
