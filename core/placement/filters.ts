import { formatPlatform, runs } from "../platform.ts";
import { formatBytes, formatCpu } from "../validate-text.ts";
import { type Candidate, UNLIMITED } from "./candidate.ts";
import { customShortage, hasEnough } from "./custom.ts";
import type { Demand } from "./demand.ts";
import { constraint, maxPerWorker, spreading, taskAffinity } from "./task-filters.ts";
import { workers } from "./words.ts";

/** A reason why a worker may be unable to take a task, and how to say it to people. */
export type Filter = Readonly<{
  /** As in the contract's `Exclusion.filter`. */
  name: string;
  /**
   * Set of a filter that weighs the demand's amounts: against what is promised on a worker, or also
   * against what was measured there. Others look at anything but amounts and measurements, so their
   * outcome is kept until a worker changes.
   */
  weighs?: "bookings" | "measurements";
  /**
   * The test that a worker must pass to take the demand; undefined when the demand asks for nothing
   * that the filter looks at. The test is put to many workers a second, so it makes nothing.
   */
  testFor(demand: Demand): Test | undefined;
  /** What a worker that does not pass lacks, with numbers. */
  explain(candidate: Candidate, demand: Demand): string;
  /** What `count` workers lack, in words that can be joined: "too little memory on 2 workers". */
  summarize(count: number, demand: Demand): string;
}>;

export type Test = (candidate: Candidate) => boolean;

/** One filter's word on one worker. */
export type Verdict =
  | Readonly<{ kind: "passes" }>
  | Readonly<{ kind: "excluded"; explanation: string }>;

export function verdict(filter: Filter, candidate: Candidate, demand: Demand): Verdict {
  const passes = filter.testFor(demand);
  if (passes === undefined || passes(candidate)) return { kind: "passes" };
  return { kind: "excluded", explanation: filter.explain(candidate, demand) };
}

const ready: Filter = {
  name: "ready",
  testFor: () => (candidate) => candidate.ready,
  explain: ({ notReadyReason = "no reason given" }) => `not ready: ${notReadyReason}`,
  summarize: (count) => `${workers(count)} not ready`,
};

const platform: Filter = {
  name: "platform",
  testFor: ({ platform: needed }) => needed && ((candidate) => runs(candidate, needed)),
  explain: (candidate, demand) =>
    `platform: needs ${demand.platform && formatPlatform(demand.platform)}, is ${formatPlatform(candidate)}`,
  summarize: (count) => `${workers(count)} of another platform`,
};

const capability: Filter = {
  name: "capability",
  testFor({ capabilities: needed }) {
    if (needed.length === 0) return undefined;
    return ({ capabilities }) => needed.every((each) => capabilities.has(each));
  },
  explain: (candidate, demand) =>
    `capability: lacks ${demand.capabilities.filter((c) => !candidate.capabilities.has(c)).join(", ")}`,
  summarize: (count) => `${workers(count)} without a capability it needs`,
};

const custom: Filter = {
  name: "custom",
  testFor: ({ custom: needs }) => needs && ((candidate) => hasEnough(candidate, needs)),
  explain: (candidate, demand) => customShortage(candidate, demand.custom ?? []),
  summarize: (count, demand) =>
    `too little ${demand.custom?.map(({ name }) => name).join(" or ")} on ${workers(count)}`,
};

const ports: Filter = {
  name: "ports",
  testFor({ hostPorts: needed }) {
    if (needed.length === 0) return undefined;
    return ({ usedPorts }) => !needed.some((port) => usedPorts.has(port));
  },
  explain: (candidate, demand) =>
    `ports: ${demand.hostPorts.filter((port) => candidate.usedPorts.has(port)).join(", ")} taken`,
  summarize: (count) => `${workers(count)} with a port it needs taken`,
};

type Quantity = Readonly<{
  name: string;
  /** As people call it. */
  noun: string;
  needed(demand: Demand): number;
  free(candidate: Candidate): number;
  format(value: number): string;
}>;

/** A filter for something that workers have a number of, and tasks take some away. */
const enough = ({ name, noun, needed, free, format }: Quantity): Filter => ({
  name,
  testFor(demand) {
    const least = needed(demand);
    return least > 0 ? (candidate) => least <= free(candidate) : undefined;
  },
  weighs: "bookings",
  explain: (candidate, demand) =>
    `${name}: ${shortage(needed(demand), Math.max(0, free(candidate)), format)}`,
  summarize: (count) => `too little ${noun} on ${workers(count)}`,
});

/** Where rounding would hide the difference the numbers are given as they are. */
function shortage(needed: number, free: number, format: (value: number) => string): string {
  const isHidden = format(needed) === format(free);
  const [needs, has] = isHidden ? [needed, free] : [format(needed), format(free)];
  return `needs ${needs}, ${has} free`;
}

const cpu = enough({
  name: "cpu",
  noun: "CPU",
  needed: ({ amount }) => amount.cpuMillis,
  free: ({ capacity, reserved }) => capacity.cpuMillis - reserved.cpuMillis,
  format: formatCpu,
});

const memory = enough({
  name: "memory",
  noun: "memory",
  needed: ({ amount }) => amount.memoryBytes,
  free: ({ capacity, reserved }) => capacity.memoryBytes - reserved.memoryBytes,
  format: formatBytes,
});

/**
 * Promised disk counts although it is not yet written; disk that something else fills counts
 * although nobody promised it. Whichever leaves less rules.
 */
const disk: Filter = {
  ...enough({
    name: "disk",
    noun: "disk",
    needed: ({ amount }) => amount.diskBytes,
    free: ({ capacity, reserved, diskAvailableBytes = UNLIMITED }) =>
      Math.min(capacity.diskBytes - reserved.diskBytes, diskAvailableBytes),
    format: formatBytes,
  }),
  weighs: "measurements",
};

/** Most telling first: the first filter that excludes a worker is the one that is counted. */
export const ALL_FILTERS: readonly Filter[] = [
  ready,
  platform,
  constraint,
  capability,
  custom,
  spreading,
  ports,
  maxPerWorker,
  taskAffinity,
  cpu,
  memory,
  disk,
];
