import { toMillis } from "../../core/time.ts";
import type { WorkerMetrics } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { KnownWorker } from "./worker-table.ts";

/**
 * Tells measurements that count from those that are too old: older than a lease. Their age runs from
 * when this manager first saw them, on its own clock, so that no other clock can make them young.
 *
 * A worker that is up may have old ones: heartbeats come without any while measuring fails, and while
 * the registry is out of reach nothing comes at all.
 */
export interface FreshMetrics {
  /** The worker's measurements, if they count. */
  of(worker: KnownWorker): WorkerMetrics | undefined;
  /** The workers whose measurements have ceased to count since the last call. */
  expire(): readonly string[];
  /** How long until the next cease to count. Infinite when there are none. */
  msUntilStale(): number;
}

/**
 * Which measurements, and when they were first seen. Of their time, 0 if they have none, only that it
 * is another matters: no clock is believed. Changed in place, at every heartbeat.
 */
type Seen = { sequence: bigint; observeMs: number; firstMs: number };

export function createFreshMetrics(clock: Clock, leaseMs: number): FreshMetrics {
  /** By worker, in the order in which they came: a Map iterates in the order of insertion. */
  const fresh = new Map<string, Seen>();
  const stale = new Map<string, Seen>();

  const isOver = ({ firstMs }: Seen): boolean => clock.monotonic() - firstMs >= leaseMs;

  /** What is known of these measurements, or now is. */
  function see(workerId: string, { sequence, observeTime }: WorkerMetrics): Seen {
    const observeMs = observeTime ? toMillis(observeTime) : 0;
    const known = fresh.get(workerId) ?? stale.get(workerId);
    if (known?.sequence === sequence && known.observeMs === observeMs) return known;
    const firstMs = clock.monotonic();
    const seen = Object.assign(known ?? {}, { sequence, observeMs, firstMs });
    stale.delete(workerId);
    fresh.delete(workerId);
    fresh.set(workerId, seen);
    return seen;
  }

  return {
    of({ workerId, presence: { metrics } }) {
      return metrics && !isOver(see(workerId, metrics)) ? metrics : undefined;
    },
    expire() {
      const expired: string[] = [];
      for (const [workerId, seen] of fresh) {
        if (!isOver(seen)) break;
        fresh.delete(workerId);
        stale.set(workerId, seen);
        expired.push(workerId);
      }
      return expired;
    },
    msUntilStale() {
      for (const { firstMs } of fresh.values()) return firstMs + leaseMs - clock.monotonic();
      return Number.POSITIVE_INFINITY;
    },
  };
}
