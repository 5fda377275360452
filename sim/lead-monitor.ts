import type { Complain } from "./complain.ts";
import type { World } from "./world.ts";

/** The lease of a leader that fell silent, what a candidate pauses between two tries, and a look. */
const VACANCY_MS = 4_000;

/**
 * Looks, again and again, whether somebody leads: of several managers, some of them well, and nothing
 * having befallen any of them for a while.
 */
export function createLeadMonitor(world: World, complain: Complain): () => void {
  const { time, managers, zombies } = world;
  return () => {
    if (managers.length === 1 || zombies.size > 0) return;
    const able = managers.filter((name) => isAble(name, world));
    const leader = world.leader()?.name;
    if (able.length === 0 || (leader !== undefined && able.includes(leader))) return;
    const vacantMs = Math.round(time.elapsedMs() - latestNewsMs(world));
    if (vacantMs > VACANCY_MS)
      complain("somebody-leads", `nobody leads for ${vacantMs} ms, and ${able.join(", ")} could`);
  };
}

const isAble = (name: string, { parts, accesses }: World): boolean =>
  parts.get(name)?.isUp() === true && accesses.get(name)?.isCut() === false;

/** When something last befell a manager, for better or worse. */
function latestNewsMs({ calm, managers, parts }: World): number {
  const started = managers.map((name) => parts.get(name)?.startedMs() ?? 0);
  return Math.max(calm.newsMs(managers), ...started.filter(Number.isFinite));
}
