import { assert } from "../../lib/assert.ts";
import type { Assigned } from "../custom-resources.ts";
import { type Bookings, type Candidate, type Facts, minus, plus } from "./candidate.ts";
import { giveBack, hold } from "./custom.ts";
import type { Demand } from "./demand.ts";
import { counted, uncounted } from "./task-kind.ts";

/** The worker with the demand promised, and of named things those in `assigned`. */
export const book = (worker: Candidate, demand: Demand, assigned?: Assigned): Candidate =>
  arrange(worker, {
    reserved: plus(worker.reserved, demand.amount),
    customReserved: demand.custom
      ? hold(worker.customReserved, { needs: demand.custom, assigned })
      : worker.customReserved,
    usedPorts:
      demand.hostPorts.length === 0
        ? worker.usedPorts
        : new Set([...worker.usedPorts, ...demand.hostPorts]),
    taskCount: worker.taskCount + 1,
    tally: counted(worker.tally, demand.kind),
  });

/** The worker with what `book` promised taken back. */
export function unbook(worker: Candidate, demand: Demand, assigned?: Assigned): Candidate {
  const reserved = minus(worker.reserved, demand.amount);
  const least = Math.min(reserved.cpuMillis, reserved.memoryBytes, reserved.diskBytes);
  const tally = uncounted(worker.tally, demand.kind);
  assert(
    least >= 0 && worker.taskCount > 0 && tally !== undefined,
    `worker ${worker.workerId} gives back no more than was promised on it`,
  );
  return arrange(worker, {
    reserved,
    customReserved: demand.custom
      ? giveBack(worker.customReserved, { needs: demand.custom, assigned })
      : worker.customReserved,
    usedPorts:
      demand.hostPorts.length === 0
        ? worker.usedPorts
        : new Set([...worker.usedPorts].filter((port) => !demand.hostPorts.includes(port))),
    taskCount: worker.taskCount - 1,
    tally,
  });
}

/** A candidate from its two halves, always with the same shape: scans over many stay fast. */
export const arrange = (facts: Facts, bookings: Bookings): Candidate => ({
  workerId: facts.workerId,
  ready: facts.ready,
  notReadyReason: facts.notReadyReason,
  hostname: facts.hostname,
  version: facts.version,
  labels: facts.labels,
  operatorLabels: facts.operatorLabels,
  os: facts.os,
  architecture: facts.architecture,
  capabilities: facts.capabilities,
  capacity: facts.capacity,
  customCapacity: facts.customCapacity,
  diskAvailableBytes: facts.diskAvailableBytes,
  metrics: facts.metrics,
  reserved: bookings.reserved,
  customReserved: bookings.customReserved,
  usedPorts: bookings.usedPorts,
  taskCount: bookings.taskCount,
  tally: bookings.tally,
});
