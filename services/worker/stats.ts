import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { unavailable } from "../../lib/errors.ts";
import {
  type CpuTime,
  type LoadAverages,
  type Memory,
  parseCpuTime,
  parseLoadAverages,
  parseMemory,
} from "./proc-files.ts";

/** Measurements of the machine. What they mean is said in the contract's `WorkerMetrics`. */
export type HostMetrics = LoadAverages &
  Memory &
  Readonly<{ cpuPercent: number; diskTotalBytes: number; diskAvailableBytes: number }>;

export interface Stats {
  /** Measures now. Throws UNAVAILABLE where the machine does not say what it must. */
  measure(): Promise<HostMetrics>;
}

export type StatsDeps = Readonly<{
  /** Where the proc file system is mounted. */
  procRoot: string;
  /** A folder in the file system to measure: that of the container engine's data. */
  diskPath: string;
  clock: Clock;
  readFile: (path: string) => Promise<string>;
  /** As `statfs` of `node:fs/promises`. */
  statfs: (path: string) => Promise<Readonly<{ bsize: number; blocks: number; bavail: number }>>;
}>;

/**
 * The shortest span that CPU use is measured over. The kernel counts in ticks of 10 ms; over
 * a few of them the figure would be noise.
 */
const CPU_SPAN_MS_MIN = 1000;

/** A count of CPU time, and when it was taken. */
type CpuSample = Readonly<{ time: CpuTime; takenMs: number }>;

/**
 * Measures the machine. CPU use is that since the measurement before, but over a second at
 * least: callers that measure more often share a span. The first is that since boot.
 */
export function createStats({ procRoot, diskPath, clock, readFile, statfs }: StatsDeps): Stats {
  let baseline: CpuSample = { time: { totalTicks: 0, idleTicks: 0 }, takenMs: 0 };
  let next: CpuSample | undefined;

  /** Moves the baseline on once the sample after it is old enough to be one. */
  function cpuPercent(time: CpuTime): number {
    const takenMs = clock.monotonic();
    if (next && takenMs - next.takenMs >= CPU_SPAN_MS_MIN) {
      baseline = next;
      next = undefined;
    }
    next ??= { time, takenMs };
    return percentBetween(baseline.time, time);
  }

  const read = (file: string) => explained(readFile(join(procRoot, file)), file);

  return {
    async measure() {
      const [stat, meminfo, loadavg, disk] = await Promise.all([
        read("stat"),
        read("meminfo"),
        read("loadavg"),
        explained(statfs(diskPath), diskPath),
      ]);
      return {
        cpuPercent: cpuPercent(parseCpuTime(stat)),
        ...parseLoadAverages(loadavg),
        ...parseMemory(meminfo),
        diskTotalBytes: disk.blocks * disk.bsize,
        diskAvailableBytes: disk.bavail * disk.bsize,
      };
    },
  };
}

/** Idle time can go back a little (proc(5) warns of it), and two measurements can meet in a tick. */
function percentBetween(before: CpuTime, now: CpuTime): number {
  const total = now.totalTicks - before.totalTicks;
  const busy = total - (now.idleTicks - before.idleTicks);
  return total <= 0 ? 0 : Math.min(100, Math.max(0, (100 * busy) / total));
}

async function explained<T>(reading: Promise<T>, what: string): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    throw unavailable("STATS_UNREADABLE", `cannot measure ${what}`, { cause });
  }
}
