import { Role } from "../gen/berth/v1/worker_pb.ts";
import { createSeededRandom, type Random } from "../lib/random.ts";
import type { Batch } from "../lib/store/store.ts";
import { createFakeGlance } from "../services/worker/fake-runtime-usage.ts";
import { createFakeProbes } from "../services/worker/prober-fake.ts";
import { startWorker } from "../services/worker/worker.ts";
import { CUSTOM, labelsOf } from "./asks.ts";
import { type Calm, createCalm } from "./calm.ts";
import type { Tap } from "./fence-monitor.ts";
import type { Life, PartDeps } from "./lives.ts";
import { createManagers } from "./managers.ts";
import { createNetwork, type Network } from "./network.ts";
import { createPart, type Part } from "./part.ts";
import { createRegistries, registriesFrom, registryNames } from "./registries.ts";
import type { Access, Leader } from "./shared-store.ts";
import { createDisk, type Disk } from "./store.ts";
import { createTrace, type Trace } from "./trace.ts";
import {
  createClock,
  createProcess,
  createVirtualTime,
  type VirtualTime,
} from "./virtual-clock.ts";
import { createEther, type Ether } from "./wire.ts";
import { createWorkerMachine, stateFolderFor, type WorkerMachine } from "./worker-machine.ts";
import { runtimeFor } from "./worker-runtime.ts";

/** Manager, registry and workers on machines of their own, and all that lies between them. */
export interface World {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly ether: Ether;
  readonly disk: Disk;
  /** The managers' machines. */
  readonly managers: readonly string[];
  /** How the managers that share a store reach it, by machine. */
  readonly accesses: ReadonlyMap<string, Access>;
  /** Of several managers the one that leads, by its machine's name. */
  readonly leader: () => Leader | undefined;
  /** Managers that were replaced and live on. */
  readonly zombies: Set<string>;
  readonly trace: Trace;
  readonly random: Random;
  /** By the name of the machine: `manager`, `registry`, `worker-1`. */
  readonly parts: Map<string, Part>;
  /** The registries' machines. */
  readonly registries: readonly string[];
  readonly machines: ReadonlyMap<string, WorkerMachine>;
  /** What happens in it belongs to no process. */
  readonly self: PartDeps["world"];
  /** Names of tasks whose containers were ended behind everybody's back. */
  readonly tampered: Set<string>;
  /** Workers that could not keep their promise to stop what must not run twice. */
  readonly excused: Set<string>;
  /** Workers of which there were two. */
  readonly cloned: Set<string>;
  /** Machines whose calendar has been wrong. */
  readonly misdated: Set<string>;
  readonly calm: Calm;
  /** Moments at which most workers went, and which of them had been well until then. */
  readonly blackouts: Set<Readonly<{ atMs: number; workerIds: ReadonlySet<string> }>>;
  /** What should never have happened. */
  readonly bugs: string[];
  /** A machine with a copy of a worker's disk and an engine of its own. */
  addClone(workerId: string, name: string): Part;
}

export type WorldOptions = Readonly<{
  seed: number;
  workerCount: number;
  managerCount: number;
  storeLagMs: number;
  registryCount: number;
  isTraced: boolean;
  onDurable: (batch: Batch) => void;
  tap: Tap;
}>;

export const WORKER_PORT = 7072;

export function createWorld(options: WorldOptions): World {
  const time = createVirtualTime();
  const self = createProcess("world");
  const random = createSeededRandom(options.seed);
  const network = createNetwork({ time, random, world: self });
  const ether = createEther(network, options.tap);
  const trace = createTrace(time.elapsedMs, options.isTraced);
  const { onDurable } = options;
  const log = trace.logOf("disk");
  const disk = createDisk({ time, world: self, random, onDurable, log });
  const bugs: string[] = [];
  const onBug = (text: string) => void bugs.push(text);
  const deps: PartDeps = { time, world: self, network, ether, random, trace, onBug };
  const workerIds = Array.from({ length: options.workerCount }, (_, i) => `worker-${i + 1}`);
  const parts = new Map<string, Part>();
  const machines = new Map<string, WorkerMachine>();
  const registries = registryNames(options.registryCount);
  for (const part of createRegistries(deps, registries)) parts.set(part.machine, part);
  const engines = () => [...machines.values()].map(({ engine }) => engine);
  const registryAddress = registriesFrom(registries, 0);
  const managed = createManagers(deps, {
    ...{ count: options.managerCount, storeLagMs: options.storeLagMs },
    ...{ disk, engines, onDurable, registryAddress },
  });
  for (const part of managed.parts) parts.set(part.machine, part);
  for (const workerId of workerIds) {
    const clock = createClock(time, self, () => parts.get(workerId)?.skewMs ?? 0);
    const machine = createWorkerMachine(clock);
    machines.set(workerId, machine);
    parts.set(workerId, createWorker(deps, { name: workerId, workerId, machine, registries }));
  }

  function addClone(workerId: string, name: string): Part {
    const machine = createWorkerMachine(createClock(time, self));
    for (const [path, text] of machines.get(workerId)?.files ?? []) machine.files.set(path, text);
    const clone = createWorker(deps, { name, workerId, machine, registries });
    parts.set(name, clone);
    return clone;
  }

  return {
    ...{ time, network, ether, disk, trace, random, parts, machines, self, bugs, addClone },
    ...{ registries, managers: managed.names, accesses: managed.accesses, leader: managed.leader },
    calm: createCalm(time.elapsedMs),
    ...nothingYet(),
  };
}

/** What is noted of whatever went wrong. */
const nothingYet = (): Pick<
  World,
  "blackouts" | "cloned" | "misdated" | "tampered" | "excused" | "zombies"
> => ({
  blackouts: new Set(),
  cloned: new Set(),
  misdated: new Set(),
  tampered: new Set(),
  excused: new Set(),
  zombies: new Set(),
});

type WorkerOptions = Readonly<{
  /** Name of its machine. */
  name: string;
  /** What it calls itself. */
  workerId: string;
  registries: readonly string[];
  machine: WorkerMachine;
}>;

/** A worker on a machine. Two may have one ID, if a disk was copied. */
const createWorker = (deps: PartDeps, options: WorkerOptions): Part =>
  createPart(deps, {
    machine: options.name,
    mayEnd: () => options.machine.isDiskFull,
    begin: (life) => startWorker(configOf(options), depsOf(deps, options.machine, life)),
  });

/** Workers, and one and its clone, begin at different registries where there are several. */
const configOf = ({ name, workerId, registries }: WorkerOptions) => ({
  listen: `${name}:${WORKER_PORT}`,
  registryAddress: registriesFrom(registries, name.length + Number(/\d+/.exec(name)?.[0] ?? 0)),
  hostname: name,
  workerId,
  labels: labelsOf(workerId),
  allowHostNetwork: true,
  capacity: { custom: CUSTOM },
  roles: [Role.WORKER],
  version: "0.0.0",
});

function depsOf({ time, world, random }: PartDeps, machine: WorkerMachine, life: Life) {
  const outside = { time, world, random, process: life.process, death: life.death };
  return {
    ...life,
    state: stateFolderFor(machine, outside),
    runtime: runtimeFor(machine, outside),
    probes: createFakeProbes(machine.engine),
    glance: createFakeGlance(machine.engine),
    stats: { measure: async () => host },
  };
}

const host = {
  cpuPercent: 1,
  load1m: 0,
  load5m: 0,
  load15m: 0,
  memoryTotalBytes: 8 * 2 ** 30,
  memoryAvailableBytes: 8 * 2 ** 30,
  diskTotalBytes: 2 ** 40,
  diskAvailableBytes: 2 ** 40,
};
