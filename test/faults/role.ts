import { join } from "node:path";
import { type End, type Program, startProgram, tailOf } from "./program.ts";

const BERTH = new URL("../../bin/berth", import.meta.url).pathname;

/** How a role's process is started. */
export type Launch = Readonly<{
  flags: readonly string[];
  /** What comes before the command, such as `ip netns exec w1`. It must become the process itself. */
  prefix: readonly string[];
  env: Readonly<Record<string, string>>;
}>;

/** One of Berth's processes, started and broken again and again. */
export interface Role {
  readonly name: string;
  readonly stateDir: string;
  /** Where others reach it: `host:port`. */
  readonly address: string;
  readonly pid: number;
  /** Starts it, with what is given here instead of what it was made with. */
  start(changes?: Partial<Launch>): void;
  ended(): Promise<End>;
  isAlive(): boolean;
  signal(name: NodeJS.Signals): void;
  kill(): Promise<void>;
  /** Asks it to end, and kills it if it does not. */
  stop(): Promise<void>;
  /** Stops it as a pause of its machine would, for so long. */
  pause(): void;
  resume(): void;
  log(): string;
}

/** How long a role may take to end when asked to. */
const STOP_MS = 15_000;

type Options = Readonly<{
  verb: "manager" | "registry" | "worker";
  name: string;
  folder: string;
  address: string;
  launch: Launch;
}>;

export function createRole({ verb, name, folder, address, launch }: Options): Role {
  const logFile = join(folder, `${name}.log`);
  let program: Program | undefined;

  function current(): Program {
    if (!program) throw new Error(`${name} was never started`);
    return program;
  }

  function start(changes: Partial<Launch> = {}): void {
    if (program?.isAlive()) throw new Error(`${name} runs already`);
    const { flags, prefix, env } = { ...launch, ...changes };
    const command = [...prefix, process.execPath, BERTH, verb, ...flags, "--log-level", "debug"];
    program = startProgram({ command, env, logFile });
  }

  async function stop(): Promise<void> {
    if (!program?.isAlive()) return;
    program.signal("SIGCONT");
    program.signal("SIGTERM");
    const impatience = setTimeout(() => program?.signal("SIGKILL"), STOP_MS);
    await program.ended;
    clearTimeout(impatience);
  }

  return {
    name,
    stateDir: join(folder, name),
    address,
    get pid() {
      return current().pid;
    },
    start,
    stop,
    ended: () => current().ended,
    isAlive: () => program?.isAlive() ?? false,
    signal: (signal) => current().signal(signal),
    async kill() {
      await current().kill();
    },
    pause: () => current().signal("SIGSTOP"),
    resume: () => current().signal("SIGCONT"),
    log: () => tailOf(logFile, 100_000),
  };
}
