import { assert } from "../../lib/assert.ts";
import type { Assigned } from "../custom-resources.ts";
import type { Amount, Bookings, Candidate, Facts, Measured, Metrics } from "./candidate.ts";
import { giveBack, hold } from "./custom.ts";
import type { Demand } from "./demand.ts";
import { countIn, countOut, type OwnTally, ownTally } from "./task-kind.ts";

/**
 * A candidate whose holder books on it in place: at the rate at which tasks are placed, new values
 * would cost more than the choice. So it is with measurements, which come with every heartbeat.
 */
export type OwnCandidate = Omit<Facts, Measured> & {
  diskAvailableBytes: Facts["diskAvailableBytes"];
  metrics: { -readonly [K in keyof Metrics]: Metrics[K] } | undefined;
  readonly reserved: { -readonly [K in keyof Amount]: number };
  customReserved: Bookings["customReserved"];
  usedPorts: Bookings["usedPorts"];
  taskCount: number;
  readonly tally: OwnTally;
};

/** Promises the demand, and of named things those in `assigned`. */
export function bookOn(worker: OwnCandidate, demand: Demand, assigned?: Assigned): void {
  const { reserved, tally } = worker;
  const { amount, custom, hostPorts } = demand;
  reserved.cpuMillis += amount.cpuMillis;
  reserved.memoryBytes += amount.memoryBytes;
  reserved.diskBytes += amount.diskBytes;
  if (custom) worker.customReserved = hold(worker.customReserved, { needs: custom, assigned });
  if (hostPorts.length > 0) worker.usedPorts = new Set([...worker.usedPorts, ...hostPorts]);
  worker.taskCount++;
  countIn(tally, demand.kind);
}

/** Takes back what `bookOn` promised. */
export function unbookOn(worker: OwnCandidate, demand: Demand, assigned?: Assigned): void {
  const { reserved, tally } = worker;
  const { amount, custom, hostPorts } = demand;
  reserved.cpuMillis -= amount.cpuMillis;
  reserved.memoryBytes -= amount.memoryBytes;
  reserved.diskBytes -= amount.diskBytes;
  worker.taskCount--;
  const isCounted = countOut(tally, demand.kind);
  const least = Math.min(reserved.cpuMillis, reserved.memoryBytes, reserved.diskBytes);
  assert(
    least >= 0 && worker.taskCount >= 0 && isCounted,
    `worker ${worker.workerId} gives back no more than was promised on it`,
  );
  if (custom) worker.customReserved = giveBack(worker.customReserved, { needs: custom, assigned });
  if (hostPorts.length > 0)
    worker.usedPorts = new Set([...worker.usedPorts].filter((port) => !hostPorts.includes(port)));
}

/** The worker with the demand promised, as a new value. */
export function book(worker: Candidate, demand: Demand, assigned?: Assigned): Candidate {
  const booked = own(worker, worker);
  bookOn(booked, demand, assigned);
  return booked;
}

/** The worker with what `book` promised taken back, as a new value. */
export function unbook(worker: Candidate, demand: Demand, assigned?: Assigned): Candidate {
  const unbooked = own(worker, worker);
  unbookOn(unbooked, demand, assigned);
  return unbooked;
}

/** A candidate from its two halves, with bookings of its own that begin as these. */
export function own(facts: Facts, bookings: Bookings): OwnCandidate {
  const { customReserved, usedPorts, taskCount } = bookings;
  const { cpuMillis, memoryBytes, diskBytes } = bookings.reserved;
  const reserved = { cpuMillis, memoryBytes, diskBytes };
  const tally = ownTally(bookings.tally);
  return arrange(facts, { reserved, customReserved, usedPorts, taskCount, tally });
}

type OwnBookings = Omit<OwnCandidate, keyof Facts>;

/** New facts about a worker whose bookings go on. */
export const renew = (facts: Facts, before: OwnCandidate): OwnCandidate => arrange(facts, before);

/** Takes over what was measured, and nothing else. */
export function measure(worker: OwnCandidate, { diskAvailableBytes, metrics }: Facts): void {
  worker.diskAvailableBytes = diskAvailableBytes;
  if (worker.metrics && metrics) Object.assign(worker.metrics, metrics);
  else worker.metrics = metrics && { ...metrics };
}

/**
 * Always with the same shape: scans over many stay fast. What every placement reads comes first, so
 * that it is next to each other in memory.
 */
const arrange = (facts: Facts, bookings: Omit<OwnBookings, "customReserved"> & Bookings) => ({
  reserved: bookings.reserved,
  taskCount: bookings.taskCount,
  tally: bookings.tally,
  capacity: facts.capacity,
  ready: facts.ready,
  diskAvailableBytes: facts.diskAvailableBytes,
  workerId: facts.workerId,
  usedPorts: bookings.usedPorts,
  customReserved: bookings.customReserved,
  customCapacity: facts.customCapacity,
  labels: facts.labels,
  operatorLabels: facts.operatorLabels,
  os: facts.os,
  architecture: facts.architecture,
  capabilities: facts.capabilities,
  metrics: facts.metrics && { ...facts.metrics },
  hostname: facts.hostname,
  version: facts.version,
  notReadyReason: facts.notReadyReason,
});
