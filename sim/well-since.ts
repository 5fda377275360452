import type { World } from "./world.ts";

/** Since when a worker, the manager and the way between them have been well. */
export const wellSinceMs = ({ calm, parts }: World, workerId: string): number =>
  Math.max(
    calm.sinceMs(["manager", workerId]),
    parts.get(workerId)?.startedMs() ?? 0,
    parts.get("manager")?.startedMs() ?? 0,
  );

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
