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

/** A service on a machine of its own, with all of its lives. */
export interface Part {
  readonly machine: string;
  /** By how much its machine's calendar is wrong. */
  skewMs: number;
  isUp(): boolean;
  /** When its present life began. Infinite while it has none. */
  startedMs(): number;
  /**
   * Its process is taken for dead and another one is started, though it lives on, frozen until
   * it is thawed. Returns how it ends for good.
   */
  replace(): Zombie | undefined;
  /** Begins a life, unless one is under way. */
  start(): void;
  /** The process is killed. `isSilent`: its machine goes too, so nobody is told. */
  crash(isSilent: boolean): void;
  /** Asks it to stop; resolves when it has, or when it was killed over it. */
  stop(): Promise<void>;
  freeze(): void;
  thaw(): void;
}

/** A process that was replaced and does not know it. */
export type Zombie = Readonly<{ thaw: () => void; end: () => void }>;

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

type Plan = Readonly<{
  machine: string;
  begin: (life: Life) => Promise<Running>;
  /** Whether an end of its own will is right, as after an error of the disk. */
  mayEnd: () => boolean;
}>;

/** How long whoever looks after a process waits before starting it again. */
const RESTART_MS = 1_000;

type Current = {
  readonly life: Life;
  readonly killed: AbortController;
  readonly startedMs: number;
  running: Running | undefined;
  isStopping: boolean;
};

export function createPart(deps: PartDeps, { machine, begin, mayEnd }: Plan): Part {
  const { time, world, network, ether, random, trace, onBug } = deps;
  let current: Current | undefined;
  let lifeCount = 0;

  function createLife(): Current {
    const process = createProcess(`${machine}#${++lifeCount}`);
    const killed = new AbortController();
    const life: Life = {
      process,
      clock: createClock(time, process, () => part.skewMs),
      wire: ether.wireOf(machine, process),
      random,
      log: trace.logOf(process.name),
      death: killed.signal,
    };
    const startedMs = time.elapsedMs();
    return { life, killed, startedMs, running: undefined, isStopping: false };
  }

  function bury({ life, killed }: Current, isSilent: boolean): void {
    time.kill(life.process);
    killed.abort();
    network.abandon(life.process, isSilent);
    current = undefined;
  }

  /** The process has ended by itself: right or not, it is started again. */
  function collapse(dying: Current, why: unknown): void {
    if (current !== dying) return;
    trace.note(machine, `ended: ${why}`);
    if (!dying.isStopping && !mayEnd()) onBug(`${machine} ended: ${why}`);
    bury(dying, false);
    time.schedule(world, RESTART_MS, part.start);
  }

  async function live(born: Current): Promise<void> {
    try {
      born.running = await begin(born.life);
      await born.running.ended;
      if (!born.isStopping) collapse(born, "of its own will");
    } catch (error) {
      collapse(born, error);
    }
  }

  const part: Part = {
    machine,
    skewMs: 0,
    isUp: () => current !== undefined && !current.isStopping,
    startedMs: () => current?.startedMs ?? Number.POSITIVE_INFINITY,
    start() {
      if (current) return;
      trace.note(machine, "starts");
      current = createLife();
      void live(current);
    },
    crash(isSilent) {
      if (!current) return;
      trace.note(machine, isSilent ? "loses power" : "is killed");
      bury(current, isSilent);
    },
    async stop() {
      const stopping = current;
      if (!stopping?.running || stopping.isStopping) return part.crash(false);
      trace.note(machine, "stops");
      stopping.isStopping = true;
      await stopping.running.stop();
      if (current === stopping) bury(stopping, false);
    },
    replace() {
      const zombie = current;
      if (!zombie) return undefined;
      trace.note(machine, "is replaced");
      time.freeze(zombie.life.process);
      current = undefined;
      part.start();
      return {
        thaw: () => time.thaw(zombie.life.process),
        end() {
          time.kill(zombie.life.process);
          zombie.killed.abort();
          network.abandon(zombie.life.process, false);
        },
      };
    },
    freeze() {
      if (!current) return;
      trace.note(machine, "is frozen");
      time.freeze(current.life.process);
    },
    thaw() {
      if (!current) return;
      trace.note(machine, "thaws");
      time.thaw(current.life.process);
    },
  };
  return part;
}
