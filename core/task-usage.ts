import type { TaskStats } from "../gen/berth/v1/task_stats_pb.ts";
import { toMillis } from "./time.ts";

/** What of a measurement the next one is compared with. */
type Reading = Pick<TaskStats, "taskId" | "attempt" | "observeTime" | "cpuNanos" | "cpuPercent">;

type Baseline = Readonly<{ timeMs: number; cpuNanos: number; percent: number | undefined }>;

const NANOS_PER_MS = 1e6;
const PERCENT = 100;

/**
 * Tells how busy attempts kept CPUs between two rounds of one stream: 100 is one CPU all the time.
 * Undefined in an attempt's first round. A measurement that is seen again says the same again.
 */
export function createCpuRates(): (round: readonly Reading[]) => readonly (number | undefined)[] {
  let before = new Map<string, Baseline>();
  return (round) => {
    const now = new Map<string, Baseline>();
    const percents = round.map((reading) => {
      const key = `${reading.taskId}/${reading.attempt}`;
      const baseline = baselineOf(reading, before.get(key));
      now.set(key, baseline);
      return baseline.percent;
    });
    before = now;
    return percents;
  };
}

function baselineOf(reading: Reading, before: Baseline | undefined): Baseline {
  const timeMs = reading.observeTime ? toMillis(reading.observeTime) : 0;
  const cpuNanos = Number(reading.cpuNanos);
  if (!before) return { timeMs, cpuNanos, percent: reading.cpuPercent };
  const spanMs = timeMs - before.timeMs;
  // The same measurement, or a clock that was set back.
  if (spanMs <= 0) return spanMs === 0 ? before : { timeMs, cpuNanos, percent: before.percent };
  const busyMs = Math.max(0, cpuNanos - before.cpuNanos) / NANOS_PER_MS;
  return { timeMs, cpuNanos, percent: (PERCENT * busyMs) / spanMs };
}
