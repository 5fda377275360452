import type { ContainerUsage, UsageSubject } from "./runtime.ts";
import {
  glimpseCgroup1,
  glimpseCgroup2,
  parseNetwork,
  type ReadText,
  readCgroup1,
  readCgroup2,
} from "./usage-files.ts";

/** Reads what a container uses. Undefined where this machine's files do not tell all of it. */
export type ReadUsage = (subject: UsageSubject) => ContainerUsage | undefined;

type Deps = Readonly<{
  read: ReadText;
  /** Wall time in milliseconds. */
  now: () => number;
  /** Where cgroups are mounted. */
  cgroupRoot: string;
  /** Where the proc file system is mounted. */
  procRoot: string;
}>;

/**
 * What a container needs at the moment, read at once and cheaply. Undefined where this machine does
 * not tell without asking the engine, and of a container that does not run.
 */
export type Glance = (containerId: string) => UsageGlance | undefined;

export type UsageGlance = Pick<ContainerUsage, "takenMs" | "cpuNanos" | "memoryBytes">;

/** Of the kernel's counters, as `createCgroupUsage` reads all of them. */
export function createCgroupGlance({ read, now, cgroupRoot }: Omit<Deps, "procRoot">): Glance {
  const isV2 = read(`${cgroupRoot}/cgroup.controllers`) !== undefined;
  const glimpseAt = (place: string) =>
    isV2
      ? glimpseCgroup2(read, `${cgroupRoot}/${place}`)
      : glimpseCgroup1(read, (controller) => `${cgroupRoot}/${controller}/${place}`);
  return (containerId) => {
    if (!CONTAINER_ID.test(containerId)) return undefined;
    for (const place of PLACES) {
      const glimpse = glimpseAt(place(containerId));
      if (glimpse) return { takenMs: now(), ...glimpse };
    }
    return undefined;
  };
}

/** The engine's own IDs. Nothing else becomes part of a path. */
const CONTAINER_ID = /^[0-9a-f]{64}$/;

/** What Docker calls a container's cgroup: by its own driver, and by systemd's. */
const PLACES = [
  (id: string) => `docker/${id}`,
  (id: string) => `system.slice/docker-${id}.scope`,
] as const;

/**
 * Reads the kernel's counters where it shows them: for a hundredth of what the engine's answer
 * costs. Cgroup v2, v1, and v1 with v2 beside it that counts nothing.
 */
export function createCgroupUsage({ read, now, cgroupRoot, procRoot }: Deps): ReadUsage {
  const isV2 = read(`${cgroupRoot}/cgroup.controllers`) !== undefined;
  let latest: (typeof PLACES)[number] = PLACES[0];

  function countsAt(place: string) {
    if (isV2) return readCgroup2(read, `${cgroupRoot}/${place}`);
    return readCgroup1(read, (controller) => `${cgroupRoot}/${controller}/${place}`);
  }

  /** As the first of its processes sees it. The list is read each time: process IDs are used again. */
  function networkAt(place: string) {
    const folder = isV2 ? cgroupRoot : `${cgroupRoot}/pids`;
    const processId = Number.parseInt(read(`${folder}/${place}/cgroup.procs`) ?? "", 10);
    // 0 stands for a process that this one cannot see.
    const text = processId > 0 ? read(`${procRoot}/${processId}/net/dev`) : undefined;
    return text === undefined ? undefined : parseNetwork(text);
  }

  function usageAt(place: string, hasNetwork: boolean): ContainerUsage | undefined {
    const counts = countsAt(place);
    const network = counts && hasNetwork ? networkAt(place) : undefined;
    if (!counts || (hasNetwork && !network)) return undefined;
    return { takenMs: now(), ...counts, network };
  }

  return ({ containerId, hasNetwork }) => {
    if (!CONTAINER_ID.test(containerId)) return undefined;
    for (const place of [latest, ...PLACES.filter((other) => other !== latest)]) {
      const usage = usageAt(place(containerId), hasNetwork);
      if (!usage) continue;
      latest = place;
      return usage;
    }
    return undefined;
  };
}
