import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { RegistryService } from "../../gen/berth/v1/registry_service_pb.ts";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { silentLog } from "../../lib/log.ts";
import { createSeededRandom, type Random } from "../../lib/random.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { socketWire } from "../../lib/rpc/wire.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import type { Store } from "../../lib/store/store.ts";
import { startManager } from "../../services/manager/manager.ts";
import { startRegistry } from "../../services/registry/registry.ts";
import { createFakeRuntime } from "../../services/worker/fake-runtime.ts";
import { createFakeGlance } from "../../services/worker/fake-runtime-usage.ts";
import { createFakePortProbes, createFakeProbes } from "../../services/worker/prober-fake.ts";
import { openStateFolder } from "../../services/worker/state-folder-disk.ts";
import { startWorker } from "../../services/worker/worker.ts";
import { openForLife } from "./crash-store.ts";
import { createRememberedEngine, type RememberedEngine } from "./engine-memory.ts";
import { createEventRecorder } from "./event-recorder.ts";
import { createFastClock } from "./fast-clock.ts";
import { openRelay, type Relay } from "./relay.ts";

/**
 * A lease longer than any outage that chaos makes: nobody is lost here, so every task must end as its
 * image has it. What follows a loss is the simulation's to show.
 */
const REGISTRY_LEASE = { leaseMs: 120_000, intervalMs: 1_500 };

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

/** How a part goes: with a farewell and all it has to write, or in the middle of a word. */
export type Manner = "stop" | "crash";

/** A part of the cluster: `manager`, `registry` or a worker's ID. */
export type PartName = string;

/** Manager, registry and workers in this process, who meet over real sockets only. */
export interface Cluster {
  readonly clock: Clock;
  readonly random: Random;
  readonly client: Client<typeof ManagerService>;
  /** Where the manager is reached, whichever process it is. */
  readonly managerAddress: string;
  readonly registry: Client<typeof RegistryService>;
  /** The manager's store, which outlives every manager. */
  readonly store: Store;
  readonly engines: ReadonlyMap<string, RememberedEngine>;
  /** The worker itself, as its manager reaches it. */
  workerClient(workerId: string): Client<typeof WorkerService>;
  readonly parts: readonly PartName[];
  /** What services logged and users did last, oldest first. */
  readonly events: ReturnType<typeof createEventRecorder>;
  /** Ends a part and starts it anew, on what it had on disk. */
  restart(part: PartName, manner: Manner): Promise<void>;
  /** Drops the connections to a part. */
  cut(part: PartName): void;
  close(): Promise<void>;
}

type Options = Readonly<{ seed: number; workerCount: number }>;

export async function startCluster({ seed, workerCount }: Options): Promise<Cluster> {
  const clock = createFastClock();
  const random = createSeededRandom(seed);
  const events = createEventRecorder();
  const folder = await mkdtemp(join(tmpdir(), "berth-cluster-"));
  const store = createMemoryStore();
  const workerIds = Array.from({ length: workerCount }, (_, index) => `worker-${index + 1}`);
  const engines = new Map(workerIds.map((id) => [id, createRememberedEngine(clock)]));
  const world: World = { clock, random, events, folder, store, engines, relays: new Map() };
  const [toManager, toRegistry] = [await openRelay(), await openRelay()];
  world.relays.set("manager", toManager).set("registry", toRegistry);

  const parts = new Map<PartName, Part>();
  parts.set("registry", await createRegistryPart(world, toRegistry));
  parts.set("manager", await createManagerPart(world, toManager));
  for (const [workerId, memory] of engines)
    parts.set(workerId, await createWorkerPart(world, workerId, memory));

  const rpc = { clock, log: silentLog };
  const channels = new Map(
    [...world.relays].map(([name, { address }]) => [name, openChannel({ ...rpc, address })]),
  );
  const channelTo = (name: PartName) => found(channels.get(name), name);
  return {
    ...{ clock, random, store, engines, events },
    client: createClient(ManagerService, channelTo("manager")),
    managerAddress: toManager.address,
    registry: createClient(RegistryService, channelTo("registry")),
    workerClient: (workerId) => createClient(WorkerService, channelTo(workerId)),
    parts: [...parts.keys()],
    restart: async (name, manner) => found(parts.get(name), name).restart(manner),
    cut: (name) => world.relays.get(name)?.cut(),
    async close() {
      for (const channel of channels.values()) channel.close();
      for (const part of [...parts.values()].reverse()) await part.end();
      for (const relay of world.relays.values()) relay.close();
      await rm(folder, { recursive: true });
    },
  };
}

type World = Readonly<{
  clock: Clock;
  random: Random;
  events: ReturnType<typeof createEventRecorder>;
  folder: string;
  store: Store;
  /** The ways to each part. */
  engines: ReadonlyMap<string, RememberedEngine>;
  relays: Map<PartName, Relay>;
}>;

type Part = Readonly<{ restart(manner: Manner): Promise<void>; end(): Promise<void> }>;

function found<T>(thing: T | undefined, name: PartName): T {
  if (thing === undefined) throw new Error(`the cluster has no part ${name}`);
  return thing;
}

type Life = Readonly<{
  running: Running;
  /** Makes sure that nothing the process does from now on has an effect. */
  die?: () => void;
}>;

type Plan = Readonly<{
  /** Where others reach it. */
  door: Relay;
  /** What it talks over. */
  wires: () => readonly Relay[];
  begin: () => Promise<Life>;
}>;

/** A part that is started, and anew after each of its ends. A crash cuts its wires first. */
async function createPart({ events }: World, { door, wires, begin }: Plan): Promise<Part> {
  const start = async () => {
    const life = await begin();
    door.leadTo(life.running.address);
    life.running.ended.catch((error: unknown) => events.bugs.push(error));
    return life;
  };
  let life = await start();

  async function crash(): Promise<void> {
    life.die?.();
    const targets = wires();
    for (const relay of targets) relay.block();
    await life.running.stop();
    for (const relay of targets) relay.unblock();
  }

  return {
    async restart(manner) {
      await (manner === "crash" ? crash() : life.running.stop());
      life = await start();
    },
    end: () => life.running.stop(),
  };
}

const createRegistryPart = (world: World, door: Relay): Promise<Part> =>
  createPart(world, {
    door,
    wires: () => [door],
    async begin() {
      const { clock, random, events } = world;
      const config = { listen: "127.0.0.1:0", ...REGISTRY_LEASE };
      const deps = { wire: socketWire, clock, random, log: events.logOf("registry") };
      return { running: await startRegistry(config, deps) };
    },
  });

/** A crash of the manager cuts the workers off, too: nobody but managers connects to them. */
const createManagerPart = (world: World, door: Relay): Promise<Part> =>
  createPart(world, {
    door,
    wires: () => [...world.relays].flatMap(([name, relay]) => (name === "registry" ? [] : [relay])),
    async begin() {
      const { clock, random, events, relays } = world;
      const life = openForLife(world.store, world);
      const config = {
        listen: "127.0.0.1:0",
        registryAddress: relays.get("registry")?.address ?? "",
        defaultScheduler: "spread",
        leaseMs: REGISTRY_LEASE.leaseMs,
        version: "0.0.0",
      };
      const log = events.logOf("manager");
      const probes = createFakePortProbes(() =>
        [...world.engines.values()].map(({ engine }) => engine),
      );
      const deps = { wire: socketWire, store: life.store, probes, clock, random, log };
      return { running: await startManager(config, deps), die: life.die };
    },
  });

async function createWorkerPart(
  world: World,
  workerId: string,
  { engine }: RememberedEngine,
): Promise<Part> {
  const { clock, random, events, folder, relays } = world;
  const [door, toRegistry] = [await openRelay(), await openRelay()];
  toRegistry.leadTo(relays.get("registry")?.address ?? "");
  relays.set(workerId, door).set(`${workerId}'s registry`, toRegistry);
  return createPart(world, {
    door,
    wires: () => [door, toRegistry],
    async begin() {
      const config = {
        listen: "127.0.0.1:0",
        advertise: door.address,
        registryAddress: toRegistry.address,
        hostname: "box",
        workerId,
        labels: {},
        allowHostNetwork: true,
        capacity: {},
        roles: [Role.WORKER],
        version: "0.0.0",
      };
      const runtime = createFakeRuntime(engine);
      const stats = { measure: async () => host };
      const log = events.logOf(workerId);
      const state = await openStateFolder(join(folder, workerId));
      const probes = createFakeProbes(engine);
      const glance = createFakeGlance(engine);
      const deps = { wire: socketWire, state, runtime, probes, glance, stats, clock, random, log };
      return { running: await startWorker(config, deps) };
    },
  });
}
