import { breakEngine, mendEngine } from "../services/worker/fake-runtime-faults.ts";
import { engineFaults } from "./faults-engine.ts";
import { networkFaults } from "./faults-network.ts";
import type { FaultStep } from "./plan.ts";
import { FLUSH_MS } from "./store.ts";
import { headOf, headsOf } from "./well-since.ts";
import { killContainers } from "./worker-machine.ts";
import type { World } from "./world.ts";

/** What a fault befalls. */
export type Target = "manager" | "workers" | "worker" | "part" | "pair" | "task";

export type Fault = Readonly<{
  target: Target;
  /** Lets it begin. Returns how it ends; undefined for what is over at once. */
  begin: (world: World, step: FaultStep) => (() => void) | undefined;
}>;

const processFaults = {
  /** The process is killed, and started again. */
  crash: {
    target: "part",
    begin(world, { on }) {
      world.excused.add(on);
      world.parts.get(on)?.crash(false);
      return () => world.parts.get(on)?.start();
    },
  },
  /** The machine goes without a word, and with it the containers; then it boots. */
  "power-loss": { target: "part", begin: losePower },
  /** Most of the workers lose power at once. */
  blackout: { target: "workers", begin: blackOut },
  /** It is asked to stop, and started again when it has. */
  restart: {
    target: "part",
    begin(world, { on }) {
      const part = world.parts.get(on);
      world.excused.add(on);
      void part?.stop().then(() => part.start());
      return undefined;
    },
  },
  /** The process stands still in the middle of everything. */
  freeze: {
    target: "part",
    begin(world, { on }) {
      world.excused.add(on);
      world.parts.get(on)?.freeze();
      return () => world.parts.get(on)?.thaw();
    },
  },
  /** The machine's calendar jumps by up to an hour, and back. */
  "clock-step": {
    target: "part",
    begin(world, { on, level = 1 }) {
      const part = world.parts.get(on);
      if (!part) return undefined;
      world.misdated.add(on);
      part.skewMs = (level - 0.5) * CLOCK_STEP_MS;
      return () => {
        part.skewMs = 0;
      };
    },
  },
  "store-slow": {
    target: "manager",
    begin({ disk }, { level = 1 }) {
      disk.flushMs = level * FLUSH_MS_SLOW;
      return () => {
        disk.flushMs = FLUSH_MS;
      };
    },
  },
  /** The next flush fails; the manager must end. */
  "store-error": {
    target: "manager",
    begin({ disk }) {
      disk.isFailing = true;
      return () => {
        disk.isFailing = false;
      };
    },
  },
  "worker-disk-full": {
    target: "worker",
    begin({ machines }, { on }) {
      const machine = machines.get(on);
      if (!machine) return undefined;
      machine.isDiskFull = true;
      return () => {
        machine.isDiskFull = false;
      };
    },
  },
  /** The manager hangs, is taken for dead and replaced; then it wakes up and goes on. */
  "manager-zombie": {
    target: "manager",
    begin({ parts, time, self, zombies }, { on, level = 0, forMs = 0 }) {
      const zombie = parts.get(on)?.replace();
      if (!zombie) return undefined;
      zombies.add(on);
      time.schedule(self, level * forMs, zombie.thaw);
      return () => {
        zombies.delete(on);
        zombie.end();
      };
    },
  },
  /** A second machine comes up from a copy of a worker's disk. */
  "worker-clone": {
    target: "worker",
    begin: startClone,
  },
} as const satisfies Record<string, Fault>;

function losePower(world: World, { on }: Pick<FaultStep, "on">): () => void {
  const { parts, network, machines, tampered, excused } = world;
  excused.add(on);
  parts.get(on)?.crash(true);
  network.switchPower(on, false);
  const machine = machines.get(on);
  if (machine) {
    breakEngine(machine.engine, "down");
    for (const { spec } of machine.engine.containers.values()) tampered.add(spec.name);
    killContainers(machine);
  }
  return () => {
    network.switchPower(on, true);
    if (machine) mendEngine(machine.engine);
    parts.get(on)?.start();
  };
}

/** Fewer workers are no fleet. */
const BLACKOUT_MIN = 3;

/** How long a worker must have been well for its end to be sudden. */
const WELL_MS = 6_000;

function blackOut(world: World, step: FaultStep): (() => void) | undefined {
  const { time, calm, parts, machines, blackouts } = world;
  const workerIds = [...machines.keys()];
  const count = Math.max(BLACKOUT_MIN, Math.floor(workerIds.length / 2) + 1);
  if (workerIds.length < count) return undefined;
  const struck = workerIds.slice(0, count);
  const atMs = time.elapsedMs();
  const wasWell = (id: string) =>
    atMs - Math.max(calm.sinceMs([...headsOf(world), id]), headOf(world).sinceMs) > WELL_MS &&
    atMs - (parts.get(id)?.startedMs() ?? atMs) > WELL_MS;
  const blackout = { atMs, workerIds: new Set(struck) };
  if (struck.every(wasWell)) blackouts.add(blackout);
  const endings = struck.flatMap((on) => [calm.disturb({ ...step, on }), losePower(world, { on })]);
  return () => {
    // The power is on again, whoever cut it first: what comes later is another end.
    for (const other of blackouts)
      if (struck.some((id) => other.workerIds.has(id))) blackouts.delete(other);
    for (const end of endings) end();
  };
}

function startClone(world: World, { on }: FaultStep): (() => void) | undefined {
  const original = world.machines.get(on);
  const name = `${on}-clone`;
  if (!original || world.parts.has(name)) return undefined;
  for (const { spec } of original.engine.containers.values()) world.tampered.add(spec.name);
  world.excused.add(on);
  world.cloned.add(on);
  const clone = world.addClone(on, name);
  clone.start();
  return () => {
    clone.crash(false);
    world.parts.delete(name);
  };
}

/**
 * How far calendars are apart at most, one that is behind and one that is ahead. Less than an hour,
 * which is how long requests are remembered.
 */
const CLOCK_STEP_MS = 54 * 60_000;

const HOUR_MS = 60 * 60_000;

/** A disk that is about to give up. */
const FLUSH_MS_SLOW = 4_000;

/** What can go wrong where several managers share a store. Elsewhere it does nothing. */
const sharedFaults = {
  /** A manager is cut off from the store. */
  "store-cut": {
    target: "manager",
    begin: (world, { on }) => cutOff(world, [on]),
  },
  /** The store is away, for all. */
  "store-away": {
    target: "manager",
    begin(world, step) {
      const settled = world.managers.map((on) => world.calm.disturb({ ...step, on }));
      const mend = cutOff(world, world.managers);
      return () => {
        mend();
        for (const settle of settled) settle();
      };
    },
  },
  /** A manager's calendar is set back by an hour. */
  "clock-hour-back": {
    target: "manager",
    begin(world, { on }) {
      const part = world.parts.get(on);
      if (!part) return undefined;
      world.misdated.add(on);
      part.skewMs = -HOUR_MS;
      return () => {
        part.skewMs = 0;
      };
    },
  },
} as const satisfies Record<string, Fault>;

function cutOff({ accesses }: World, names: readonly string[]): () => void {
  for (const name of names) accesses.get(name)?.setCut(true);
  return () => {
    for (const name of names) accesses.get(name)?.setCut(false);
  };
}

const commonFaults = { ...processFaults, ...networkFaults, ...engineFaults };

/** All that can go wrong, by name. */
export const faults = { ...commonFaults, ...sharedFaults };

export type FaultName = keyof typeof faults;

export const faultNames = Object.keys(faults) as FaultName[];

/** What can go wrong in every world. */
export const commonFaultNames = Object.keys(commonFaults) as FaultName[];

export const isFaultName = (name: string): name is FaultName => name in faults;
