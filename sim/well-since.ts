import type { World } from "./world.ts";

/** The manager that decides now, and since when its machine and its leadership have been whole. */
type Head = Readonly<{ machine: string; sinceMs: number }>;

const NEVER = Number.POSITIVE_INFINITY;

/** The only manager, or of several the one that the store says leads. */
export function headOf({ managers, parts, leader }: World): Head {
  const startedMs = (machine: string) => parts.get(machine)?.startedMs() ?? NEVER;
  if (managers.length === 1) return { machine: "manager", sinceMs: startedMs("manager") };
  const led = leader();
  if (!led) return { machine: "manager", sinceMs: NEVER };
  return { machine: led.name, sinceMs: Math.max(led.sinceMs, startedMs(led.name)) };
}

/** Since when a worker, the manager that decides and the way between them have been well. */
export function wellSinceMs(world: World, workerId: string): number {
  const { machine, sinceMs } = headOf(world);
  const startedMs = world.parts.get(workerId)?.startedMs() ?? 0;
  return Math.max(world.calm.sinceMs([machine, workerId]), startedMs, sinceMs);
}

/** How long a manager, or a worker, takes to be linked with the other once all is well. */
const LINK_MS = 15_000;

/**
 * The same, and since when they have been able to find each other: who has just started, or was out
 * of reach, needs the registry for that. Who is linked does not.
 */
export function foundSinceMs(world: World, workerId: string): number {
  const sinceMs = wellSinceMs(world, workerId);
  const ends = world.calm
    .troublesOf([...headsOf(world), workerId])
    .filter(({ beganMs }) => beganMs <= sinceMs + LINK_MS)
    .map(({ endedMs }) => endedMs);
  return Math.max(sinceMs, ...ends);
}

/** Those by whose word workers are lost. */
export const headsOf = (world: World): readonly string[] => [
  headOf(world).machine,
  ...world.registries,
];

/** Since when they have been well, and known of each other. */
export function toldSinceMs(world: World): number {
  const started = world.registries.map((name) => world.parts.get(name)?.startedMs() ?? 0);
  return Math.max(world.calm.sinceMs(headsOf(world)), headOf(world).sinceMs, ...started);
}

/** Since when nothing has kept a worker from registering, and the manager from hearing of it. */
export const readySinceMs = (world: World, workerId: string): number =>
  Math.max(
    toldSinceMs(world),
    wellSinceMs(world, workerId),
    world.calm.sinceMs([...headsOf(world), workerId]),
  );

/** Whether neither manager nor registry can hear of a worker. */
export function isOutOfReach(world: World, workerId: string): boolean {
  const { parts, network } = world;
  const isCutOff = headsOf(world).every((head) => network.path(workerId, head).isBlocked);
  return isCutOff || parts.get(workerId)?.isUp() === false;
}
