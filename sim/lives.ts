import type { Clock } from "../lib/clock.ts";
import type { Running } from "../lib/lifecycle.ts";
import type { Log } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import type { Wire } from "../lib/rpc/wire.ts";
import type { Network } from "./network.ts";
import type { Trace } from "./trace.ts";
import { createClock, createProcess, type Process, type VirtualTime } from "./virtual-clock.ts";
import type { Ether } from "./wire.ts";

/** What a service is given for one of its lives. */
export type Life = Readonly<{
  process: Process;
  clock: Clock;
  wire: Wire;
  random: Random;
  log: Log;
  /** Aborts when the process dies. */
  death: AbortSignal;
}>;

export type PartDeps = Readonly<{
  time: VirtualTime;
  world: Process;
  network: Network;
  ether: Ether;
  random: Random;
  trace: Trace;
  /** Hears of what only a bug can do. */
  onBug: (text: string) => void;
}>;

/** How a service begins to live, and how it may end. */
export type Service = Readonly<{
  machine: string;
  begin: (life: Life) => Promise<Running>;
  /** Whether an end of its own will is right, as after an error of the disk. */
  mayEnd: () => boolean;
}>;

/** How long whoever looks after a process waits before starting it again. */
export const RESTART_MS = 1_000;

/** A life under way. */
type LifeUnderWay = {
  readonly life: Life;
  readonly killed: AbortController;
  readonly startedMs: number;
  running: Running | undefined;
  isStopping: boolean;
};

/** The lives of a service, one after the other. One that ends by itself is followed by another. */
export interface Lives {
  current(): LifeUnderWay | undefined;
  /** Begins a life, unless one is under way. */
  begin(): void;
  /** Ends a life, the current one or one that was left. `isSilent`: nobody is told. */
  end(life: LifeUnderWay, isSilent: boolean): void;
  /** Goes on without the current life, which does not end. */
  leave(): void;
}

export function createLives(
  deps: PartDeps,
  { machine, begin, mayEnd }: Service,
  skewMs: () => number,
): Lives {
  const { time, world, network, trace, onBug } = deps;
  let current: LifeUnderWay | undefined;
  let count = 0;

  function beginLife(): void {
    if (current) return;
    trace.note(machine, "starts");
    current = createLife(deps, { machine, number: ++count, skewMs });
    void live(current);
  }

  async function live(born: LifeUnderWay): Promise<void> {
    try {
      born.running = await begin(born.life);
      await born.running.ended;
      if (!born.isStopping) collapse(born, "of its own will");
    } catch (error) {
      collapse(born, error);
    }
  }

  /** The process has ended by itself: right or not, it is started again. */
  function collapse(dying: LifeUnderWay, why: unknown): void {
    if (current !== dying) return;
    trace.note(machine, `ended: ${why}`);
    if (!dying.isStopping && !mayEnd()) onBug(`${machine} ended: ${why}`);
    end(dying, false);
    time.schedule(world, RESTART_MS, beginLife);
  }

  function end(dying: LifeUnderWay, isSilent: boolean): void {
    time.kill(dying.life.process);
    dying.killed.abort();
    network.abandon(dying.life.process, isSilent);
    if (current === dying) leave();
  }

  function leave(): void {
    current = undefined;
  }

  return { current: () => current, begin: beginLife, end, leave };
}

type Birth = Readonly<{ machine: string; number: number; skewMs: () => number }>;

function createLife(deps: PartDeps, { machine, number, skewMs }: Birth): LifeUnderWay {
  const { time, ether, random, trace } = deps;
  const process = createProcess(`${machine}#${number}`);
  const killed = new AbortController();
  const life: Life = {
    process,
    clock: createClock(time, process, skewMs),
    wire: ether.wireOf(machine, process),
    random,
    log: trace.logOf(process.name),
    death: killed.signal,
  };
  const startedMs = time.elapsedMs();
  return { life, killed, startedMs, running: undefined, isStopping: false };
}
