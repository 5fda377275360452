import { createLives, type Lives, type PartDeps, type Service } from "./lives.ts";

/** A service on a machine of its own, with all of its lives. */
export interface Part {
  readonly machine: string;
  /** By how much its machine's calendar is wrong. */
  skewMs: number;
  /** Whether a life of it is under way, neither frozen nor about to end. */
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

export function createPart(deps: PartDeps, service: Service): Part {
  const { time, trace } = deps;
  const { machine } = service;
  const lives = createLives(deps, service, () => part.skewMs);

  const part: Part = {
    machine,
    skewMs: 0,
    isUp: () => isUp(lives.current()),
    startedMs: () => lives.current()?.startedMs ?? Number.POSITIVE_INFINITY,
    start: lives.begin,
    crash(isSilent) {
      const killed = lives.current();
      if (!killed) return;
      trace.note(machine, isSilent ? "loses power" : "is killed");
      lives.end(killed, isSilent);
    },
    async stop() {
      const stopping = lives.current();
      if (!stopping?.running || stopping.isStopping) return part.crash(false);
      trace.note(machine, "stops");
      stopping.isStopping = true;
      await stopping.running.stop();
      if (lives.current() === stopping) lives.end(stopping, false);
    },
    replace() {
      const zombie = lives.current();
      if (!zombie) return undefined;
      const { process } = zombie.life;
      trace.note(machine, "is replaced");
      time.freeze(process);
      lives.leave();
      lives.begin();
      return { thaw: () => time.thaw(process), end: () => lives.end(zombie, false) };
    },
    freeze() {
      const frozen = lives.current();
      if (!frozen) return;
      trace.note(machine, "is frozen");
      time.freeze(frozen.life.process);
    },
    thaw() {
      const thawed = lives.current();
      if (!thawed) return;
      trace.note(machine, "thaws");
      time.thaw(thawed.life.process);
    },
  };
  return part;
}

const isUp = (living: ReturnType<Lives["current"]>): boolean =>
  living?.isStopping === false && living.life.process.state === "alive";
