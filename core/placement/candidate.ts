import type { Resources } from "../../gen/berth/v1/resources_pb.ts";
import type { CustomCapacity } from "../custom-resources.ts";
import { type CustomReserved, offersMoreCustom } from "./custom.ts";
import { isLabelledAlike, type Labelled } from "./labels.ts";
import { NO_TALLY, type Tally } from "./task-kind.ts";

/** What workers have and tasks need. Whole numbers, below 2^53, so that sums are exact. */
export type Amount = Readonly<{ cpuMillis: number; memoryBytes: number; diskBytes: number }>;

/** What is known of a worker apart from what runs there. */
export type Facts = Labelled &
  Readonly<{
    /** Up, linked, its engine healthy and its lease running. Nothing else gets a task. */
    ready: boolean;
    /** Why it is not ready, in words that follow "not ready:". */
    notReadyReason?: string | undefined;
    /** What it can do beyond the least, such as `network-host`. */
    capabilities: ReadonlySet<string>;
    /** All that it offers to tasks. */
    capacity: Amount;
    /** What it offers beside that, such as GPUs. */
    customCapacity?: CustomCapacity | undefined;
    /** As last measured. Absent when it never was, or too long ago to count. */
    diskAvailableBytes?: number | undefined;
    /** As last measured, for schedulers that look at use. Absent as above. */
    metrics?: Metrics | undefined;
  }>;

/** What is measured of a worker, and so may change with every heartbeat. */
export type Measured = "diskAvailableBytes" | "metrics";

export type Metrics = Readonly<{
  /** 0 to 100, of the whole machine. */
  cpuPercent: number;
  memoryTotalBytes: number;
  memoryAvailableBytes: number;
}>;

/** What is promised to tasks on a worker, from the decision to the end of the attempt. */
export type Bookings = Readonly<{
  reserved: Amount;
  customReserved?: CustomReserved | undefined;
  /** Fixed host ports, such as `tcp/8080`. */
  usedPorts: ReadonlySet<string>;
  taskCount: number;
  /** What kinds of tasks these are. */
  tally: Tally;
}>;

/** A worker as placement sees it. */
export type Candidate = Facts & Bookings;

export const NO_BOOKINGS: Bookings = {
  reserved: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 },
  usedPorts: new Set(),
  taskCount: 0,
  tally: NO_TALLY,
};

/** What is free of something that nobody has measured. */
export const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** Turns the contract's amounts into numbers. What is absent is 0; nothing exceeds 2^53 - 1. */
export const amountOf = (resources: Resources | undefined): Amount => ({
  cpuMillis: numberOf(resources?.cpuMillis),
  memoryBytes: numberOf(resources?.memoryBytes),
  diskBytes: numberOf(resources?.diskBytes),
});

const numberOf = (value: bigint | undefined): number =>
  value === undefined ? 0 : Math.min(Number(value), Number.MAX_SAFE_INTEGER);

export const plus = (a: Amount, b: Amount): Amount => ({
  cpuMillis: a.cpuMillis + b.cpuMillis,
  memoryBytes: a.memoryBytes + b.memoryBytes,
  diskBytes: a.diskBytes + b.diskBytes,
});

/**
 * What a worker's facts mean for tasks that found no place. `new`: it was not there. `more`: it may
 * take what it could not take before. `different`: only those may find a place now that look at more
 * than one worker.
 */
export type Observed = "new" | "more" | "different" | "same";

/** Of a worker that was there. */
export function observedOf(before: Facts, after: Facts): Observed {
  if (offersMore(before, after)) return "more";
  return before.ready === after.ready ? "same" : "different";
}

/** Whether a worker may take what it could not take before it changed, what runs there apart. */
function offersMore(before: Facts, after: Facts): boolean {
  if (!after.ready) return false;
  if (!before.ready || !isLabelledAlike(before, after)) return true;
  const has = after.capacity;
  const had = before.capacity;
  return (
    has.cpuMillis > had.cpuMillis ||
    has.memoryBytes > had.memoryBytes ||
    has.diskBytes > had.diskBytes ||
    (after.diskAvailableBytes ?? UNLIMITED) > (before.diskAvailableBytes ?? UNLIMITED) ||
    offersMoreCustom(before.customCapacity, after.customCapacity) ||
    !isSubset(after.capabilities, before.capabilities)
  );
}

function isSubset(some: ReadonlySet<string>, all: ReadonlySet<string>): boolean {
  for (const each of some) if (!all.has(each)) return false;
  return true;
}
