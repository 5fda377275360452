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

type Seen = Readonly<{ metrics: WorkerMetrics; firstMs: number }>;

export function createFreshMetrics(clock: Clock, leaseMs: number): FreshMetrics {
  /** By worker, in the order in which they came: a Map iterates in the order of insertion. */
  const fresh = new Map<string, Seen>();
  const stale = new Map<string, Seen>();

  const isOver = ({ firstMs }: Seen): boolean => clock.monotonic() - firstMs >= leaseMs;

  /** What is known of these measurements, or now is. */
  function see(workerId: string, metrics: WorkerMetrics): Seen {
    const known = fresh.get(workerId) ?? stale.get(workerId);
    if (known && isSame(known.metrics, metrics)) return known;
    const seen = { metrics, firstMs: clock.monotonic() };
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

/** Whether it is one measurement that came twice. Its time only names it: no clock is believed. */
const isSame = (a: WorkerMetrics, b: WorkerMetrics): boolean =>
  a.sequence === b.sequence && timeOf(a) === timeOf(b);

const timeOf = ({ observeTime }: WorkerMetrics): number | undefined =>
  observeTime && toMillis(observeTime);
