import type { World } from "./world.ts";

/** Since when a worker, the manager and the way between them have been well. */
export const wellSinceMs = ({ calm, parts, managers }: World, workerId: string): number =>
  managers.length > 1
    ? NEVER
    : Math.max(
        calm.sinceMs(["manager", workerId]),
        parts.get(workerId)?.startedMs() ?? 0,
        parts.get("manager")?.startedMs() ?? 0,
      );

/** Of several managers nobody outside knows which one leads, so nothing is promised of time. */
const NEVER = Number.POSITIVE_INFINITY;

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
export const headsOf = ({ registries }: World): readonly string[] => ["manager", ...registries];

/** Since when they have been well, and known of each other. */
export function toldSinceMs(world: World): number {
  if (world.managers.length > 1) return NEVER;
  const heads = headsOf(world);
  const started = heads.map((name) => world.parts.get(name)?.startedMs() ?? 0);
  return Math.max(world.calm.sinceMs(heads), ...started);
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
