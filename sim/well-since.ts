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
    .troublesOf(["registry", "manager", workerId])
    .filter(({ beganMs }) => beganMs <= sinceMs + LINK_MS)
    .map(({ endedMs }) => endedMs);
  return Math.max(sinceMs, ...ends);
}

/** Those by whose word workers are lost. */
export const HEADS = ["manager", "registry"] as const;

/** Since when they have been well, and known of each other. */
export const toldSinceMs = ({ calm, parts, managers }: World): number =>
  managers.length > 1
    ? NEVER
    : Math.max(calm.sinceMs(HEADS), ...HEADS.map((name) => parts.get(name)?.startedMs() ?? 0));

/** Since when nothing has kept a worker from registering, and the manager from hearing of it. */
export const readySinceMs = (world: World, workerId: string): number =>
  Math.max(
    toldSinceMs(world),
    wellSinceMs(world, workerId),
    world.calm.sinceMs([...HEADS, workerId]),
  );

/** Whether neither manager nor registry can hear of a worker. */
export function isOutOfReach({ parts, network }: World, workerId: string): boolean {
  const isCutOff = HEADS.every((head) => network.path(workerId, head).isBlocked);
  return isCutOff || parts.get(workerId)?.isUp() === false;
}
