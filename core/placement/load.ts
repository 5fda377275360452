import type { Amount, Candidate } from "./candidate.ts";

/**
 * What each task weighs beside its reservation, so that tasks which reserve nothing count too. The
 * amounts are those that Kubernetes' scorers count for a pod without requests.
 */
const TASK_CPU_MILLIS = 100;
const TASK_MEMORY_BYTES = 200 * 1024 * 1024;

/** A worker that offers nothing counts as one that offers the least unit. */
export const share = (part: number, whole: number): number => part / Math.max(whole, 1);

/** Share of a worker's CPU that so many tasks take, what each weighs included. */
export const cpuTaken = (capacity: Amount, reservedMillis: number, taskCount: number): number =>
  share(reservedMillis + taskCount * TASK_CPU_MILLIS, capacity.cpuMillis);

/** Share of a worker's memory that so many tasks take, what each weighs included. */
export const memoryTaken = (capacity: Amount, reservedBytes: number, taskCount: number): number =>
  share(reservedBytes + taskCount * TASK_MEMORY_BYTES, capacity.memoryBytes);

/** How many tasks of that weight a worker has room for, at least one. */
export const taskMaximum = ({ cpuMillis, memoryBytes }: Amount): number =>
  Math.max(1, Math.floor(Math.min(cpuMillis / TASK_CPU_MILLIS, memoryBytes / TASK_MEMORY_BYTES)));

type Measured = Pick<Candidate, "metrics">;

/** Share of its CPU that a worker was measured to use, 0 to 1. Without measurements 0. */
export const cpuMeasured = ({ metrics }: Measured): number =>
  metrics === undefined ? 0 : Math.min(metrics.cpuPercent, 100) / 100;

/** Share of its memory that a worker was measured to use, 0 to 1. Without measurements 0. */
export function memoryMeasured({ metrics }: Measured): number {
  if (metrics === undefined) return 0;
  const { memoryTotalBytes, memoryAvailableBytes } = metrics;
  return Math.max(0, share(memoryTotalBytes - memoryAvailableBytes, memoryTotalBytes));
}
