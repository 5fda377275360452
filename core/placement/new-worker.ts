import { formatPlatform } from "../platform.ts";
import { formatBytes, formatCpu } from "../validate-text.ts";
import type { Demand } from "./demand.ts";
import type { Question } from "./survey.ts";

/** What a worker must be that can take a demand, for people: "a worker of platform linux/arm64". */
export function newWorker({ demand, scheduler }: Question): string {
  const { platform } = demand;
  const kind = platform ? `a worker of platform ${formatPlatform(platform)}` : "a worker";
  const offers = offersOf(demand);
  const words = offers.length > 0 ? [`${kind} with ${offers.join(", ")}`] : [kind];
  const conditions = demand.conditions.map(({ text }) => text);
  if (conditions.length > 0) words.push(`where ${conditions.join(" and ")}`);
  const others = scheduler.filters.filter(
    (filter) => !TOLD.has(filter.name) && filter.testFor(demand) !== undefined,
  );
  if (others.length > 0)
    words.push(`that also passes ${others.map(({ name }) => name).join(", ")}`);
  return words.join(" ");
}

/** Filters of which the words above tell all. */
const TOLD: ReadonlySet<string> = new Set(
  "ready platform constraint capability custom ports max-per-worker cpu memory disk".split(" "),
);

/** What must be free on it. Rounded up: what is named is enough. */
function offersOf({ amount, capabilities, custom = [] }: Demand): readonly string[] {
  const { cpuMillis, memoryBytes, diskBytes } = amount;
  return [
    ...(cpuMillis > 0 ? [formatCpu(cpuMillis)] : []),
    ...(memoryBytes > 0 ? [`${formatBytes(memoryBytes, Math.ceil)} of memory`] : []),
    ...(diskBytes > 0 ? [`${formatBytes(diskBytes, Math.ceil)} of disk`] : []),
    ...custom.map(({ name, count }) => `${count} of ${name}`),
    ...capabilities.map((capability) => `the capability ${capability}`),
  ];
}
