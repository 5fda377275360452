/**
 * Heartbeats a second that a registry asks for, all workers together. Each costs it and the manager
 * a turn of their event loops, and tells of nothing but measurements.
 */
export const BEATS_PER_SECOND = 500;

/** However many workers there are: one heartbeat may come late by nearly half a lease. */
export const LEASE_SHARE_MAX = 0.5;

/** A smaller change is not worth telling: it would be told anew at every worker that joins. */
const SHARE_WORTH_TELLING = 0.1;

export type Terms = Readonly<{
  leaseMs: number;
  /** How often a worker sends a heartbeat when there are few. */
  intervalMs: number;
}>;

/** How often each worker should send a heartbeat when so many are up. */
export function paceOf(upCount: number, { leaseMs, intervalMs }: Terms): number {
  const sharedMs = (upCount / BEATS_PER_SECOND) * 1_000;
  return Math.max(intervalMs, Math.min(sharedMs, leaseMs * LEASE_SHARE_MAX));
}

/** Whether a worker that was told one interval should be told this one. */
export const isWorthTelling = (intervalMs: number, toldMs: number): boolean =>
  Math.abs(intervalMs - toldMs) > toldMs * SHARE_WORTH_TELLING;
