import { unavailable } from "../../lib/errors.ts";

/** CPU time since boot, in the kernel's ticks. */
export type CpuTime = Readonly<{ totalTicks: number; idleTicks: number }>;

export type LoadAverages = Readonly<{ load1m: number; load5m: number; load15m: number }>;

export type Memory = Readonly<{ memoryTotalBytes: number; memoryAvailableBytes: number }>;

/**
 * Reads `/proc/stat`. The fields of its first line are user, nice, system, idle, iowait, irq,
 * softirq, steal, guest and guest_nice. The kernel counts the last two under user and nice
 * as well (proc(5); account_guest_time in kernel/sched/cputime.c), so that they are left out.
 * Waiting for a disk is idle: the CPU could do something else.
 */
export function parseCpuTime(stat: string): CpuTime {
  const line = /^cpu +(\d+(?: \d+)*)/m.exec(stat)?.[1];
  const ticks = line?.split(" ").slice(0, 8).map(Number) ?? [];
  const [, , , idle, iowait = 0] = ticks;
  if (idle === undefined) throw unreadable("stat", "a line of CPU times");
  return { totalTicks: ticks.reduce((sum, each) => sum + each, 0), idleTicks: idle + iowait };
}

/** Reads `/proc/meminfo`, whose kB are 1024 bytes. `MemAvailable` is there since Linux 3.14. */
export function parseMemory(meminfo: string): Memory {
  const bytesOf = (name: string) => {
    const kib = new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(meminfo)?.[1];
    if (kib === undefined) throw unreadable("meminfo", name);
    return Number(kib) * 1024;
  };
  return { memoryTotalBytes: bytesOf("MemTotal"), memoryAvailableBytes: bytesOf("MemAvailable") };
}

/** Reads `/proc/loadavg`. */
export function parseLoadAverages(loadavg: string): LoadAverages {
  const averages = /^(\d+\.\d+) (\d+\.\d+) (\d+\.\d+) /.exec(loadavg);
  if (!averages) throw unreadable("loadavg", "three averages");
  const [, load1m, load5m, load15m] = averages.map(Number);
  return { load1m: load1m ?? 0, load5m: load5m ?? 0, load15m: load15m ?? 0 };
}

const unreadable = (file: string, what: string) =>
  unavailable("STATS_UNREADABLE", `${file} of the proc file system lacks ${what}`);
