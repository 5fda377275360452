import type { Batch } from "../lib/store/store.ts";
import { startManager } from "../services/manager/manager.ts";
import { startSharedManager } from "../services/manager/shared-manager.ts";
import type { FakeEngine } from "../services/worker/fake-runtime-engine.ts";
import { createFakePortProbes } from "../services/worker/prober-fake.ts";
import type { PartDeps } from "./lives.ts";
import { createPart, type Part } from "./part.ts";
import {
  type Access,
  createSimulatedStore,
  type Leader,
  type SimulatedStore,
} from "./shared-store.ts";
import type { Disk } from "./store.ts";
import { createClock } from "./virtual-clock.ts";

/** The managers of a world. */
type Managers = Readonly<{
  /** Of their machines. */
  names: readonly string[];
  parts: readonly Part[];
  /** How those that share a store reach it, by machine. */
  accesses: ReadonlyMap<string, Access>;
  /** Of those that share a store, by its machine's name; undefined when nobody does, or nobody shares. */
  leader: () => Leader | undefined;
}>;

type Options = Readonly<{
  count: number;
  /** How late a store that they share tells of changes. */
  storeLagMs: number;
  /** Of the only one. */
  disk: Disk;
  engines: () => Iterable<FakeEngine>;
  onDurable: (batch: Batch) => void;
  registryAddress: string;
}>;

/** One with a disk, or several that share a store. */
export function createManagers(
  deps: PartDeps,
  { count, storeLagMs, disk, engines, onDurable, registryAddress }: Options,
): Managers {
  const names = managerNames(count);
  const accesses = new Map<string, Access>();
  if (count === 1) {
    const only = createManager(deps, { disk, engines, registryAddress });
    return { names, accesses, parts: [only], leader: () => undefined };
  }
  const clock = createClock(deps.time, deps.world);
  const store = createSimulatedStore({
    ...{ clock, ttlMs: LEADER_LEASE_MS, lagMs: storeLagMs, onDurable, limits },
  });
  const shared = { store, accesses, engines, registryAddress };
  const parts = names.map((name) => createSharedManager(deps, { name, ...shared }));
  const machineOf = ({ name, sinceMs }: Leader) => ({ name: name.split(":")[0] ?? name, sinceMs });
  const leader = () => {
    const led = store.leader();
    return led && machineOf(led);
  };
  return { names, accesses, parts, leader };
}

const COMMON = { defaultScheduler: "spread", version: "0.0.0" };

type Single = Pick<Options, "disk" | "engines" | "registryAddress">;

function createManager(deps: PartDeps, { disk, engines, registryAddress }: Single): Part {
  let failureCount = 0;
  return createPart(deps, {
    machine: "manager",
    // A manager whose store has failed must end, and no other may.
    mayEnd: () => disk.failureCount > failureCount,
    begin(life) {
      failureCount = disk.failureCount;
      return startManager(
        {
          ...COMMON,
          registryAddress,
          listen: managerAddress("manager"),
        },
        { ...life, store: disk.openFor(life.process), probes: createFakePortProbes(engines) },
      );
    },
  });
}

/** As `berth manager` has it. */
const LEADER_LEASE_MS = 2_000;

/** As etcd has them. */
const limits = { operations: 126, bytes: 2 ** 20 };

export const managerNames = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => (index === 0 ? "manager" : `manager-${index + 1}`));

export const managerAddress = (name: string): string => `${name}:7070`;

type Member = Readonly<{
  name: string;
  store: SimulatedStore;
  accesses: Map<string, Access>;
  engines: () => Iterable<FakeEngine>;
  registryAddress: string;
}>;

/** One of several managers. Nothing but the world ends it. */
const createSharedManager = (
  deps: PartDeps,
  { name, store, accesses, engines, registryAddress }: Member,
): Part =>
  createPart(deps, {
    machine: name,
    mayEnd: () => false,
    begin(life) {
      const wasCut = accesses.get(name)?.isCut() ?? false;
      const access = store.open(life.clock);
      access.setCut(wasCut);
      accesses.set(name, access);
      return startSharedManager(
        {
          listen: managerAddress(name),
          advertise: undefined,
          ...COMMON,
          registryAddress,
        },
        { ...life, shared: access.shared, probes: createFakePortProbes(engines) },
      );
    },
  });
