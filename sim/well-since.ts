import type { World } from "./world.ts";

/** Since when a worker, the manager and the way between them have been well. */
export const wellSinceMs = ({ calm, parts }: World, workerId: string): number =>
  Math.max(
    calm.sinceMs(["manager", workerId]),
    parts.get(workerId)?.startedMs() ?? 0,
    parts.get("manager")?.startedMs() ?? 0,
  );
