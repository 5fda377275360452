/** What cgroups and the network count, read from the kernel's files. Absent files are `undefined`. */

import type { ContainerUsage } from "./runtime.ts";

/** The whole text of a small file; undefined where there is none, or it may not be read. */
export type ReadText = (path: string) => string | undefined;

type Counts = Omit<ContainerUsage, "takenMs" | "network">;

/** Where cgroup v1 keeps what it counts of one container, by controller. */
export type CgroupFolder = (controller: "cpuacct" | "memory" | "blkio" | "pids") => string;

/** Reads a container's counters of cgroup v1. Undefined when it has none, as after its end. */
export function readCgroup1(read: ReadText, folder: CgroupFolder): Counts | undefined {
  const memory = folder("memory");
  const glimpse = glimpseCgroup1(read, folder);
  if (!glimpse) return undefined;
  const blocks = blocksOf1(read(`${folder("blkio")}/blkio.throttle.io_service_bytes_recursive`));
  return {
    ...glimpse,
    memoryLimitBytes: limitOf(read(`${memory}/memory.limit_in_bytes`)),
    ...blocks,
    processCount: wholeOf(read(`${folder("pids")}/pids.current`)) ?? 0,
  };
}

/** The same of cgroup v2, where one folder has all. */
export function readCgroup2(read: ReadText, folder: string): Counts | undefined {
  const glimpse = glimpseCgroup2(read, folder);
  if (!glimpse) return undefined;
  return {
    ...glimpse,
    memoryLimitBytes: limitOf(read(`${folder}/memory.max`)),
    ...blocksOf2(read(`${folder}/io.stat`)),
    processCount: wholeOf(read(`${folder}/pids.current`)) ?? 0,
  };
}

/** What is read again and again of all that run: a third of the files of a full count. */
type Glimpse = Pick<Counts, "cpuNanos" | "memoryBytes" | "memoryUsageBytes">;

/** Of cgroup v1. Undefined when it has none, as after its end. */
export function glimpseCgroup1(read: ReadText, folder: CgroupFolder): Glimpse | undefined {
  const memory = folder("memory");
  const cpuNanos = wholeOf(read(`${folder("cpuacct")}/cpuacct.usage`));
  const usage = wholeOf(read(`${memory}/memory.usage_in_bytes`));
  if (cpuNanos === undefined || usage === undefined) return undefined;
  const stale = field(read(`${memory}/memory.stat`), "total_inactive_file");
  return { cpuNanos, memoryBytes: Math.max(0, usage - stale), memoryUsageBytes: usage };
}

/** The same of cgroup v2. */
export function glimpseCgroup2(read: ReadText, folder: string): Glimpse | undefined {
  const cpu = read(`${folder}/cpu.stat`);
  const usage = wholeOf(read(`${folder}/memory.current`));
  if (cpu === undefined || usage === undefined) return undefined;
  const stale = field(read(`${folder}/memory.stat`), "inactive_file");
  return {
    cpuNanos: field(cpu, "usage_usec") * NANOS_PER_MICRO,
    memoryBytes: Math.max(0, usage - stale),
    memoryUsageBytes: usage,
  };
}

const NANOS_PER_MICRO = 1_000;

/** From here on a limit of cgroup v1 is none: it writes the greatest number of pages instead. */
const LIMIT_NONE = 2 ** 62;

/** 0 where there is no limit; cgroup v2 writes `max`. */
function limitOf(text: string | undefined): number {
  const limit = wholeOf(text) ?? 0;
  return limit >= LIMIT_NONE ? 0 : limit;
}

function wholeOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+\s*$/.test(text)) return undefined;
  return Number(text);
}

/** The number behind a name in lines of `name number`; 0 where it is not told. */
function field(text: string | undefined, name: string): number {
  if (text === undefined) return 0;
  const at = text.startsWith(`${name} `) ? 0 : text.indexOf(`\n${name} `) + 1;
  if (at === 0 && !text.startsWith(`${name} `)) return 0;
  return Number.parseInt(text.slice(at + name.length + 1), 10) || 0;
}

type Blocks = Pick<ContainerUsage, "blockReadBytes" | "blockWriteBytes">;

/** Lines of `8:0 Read 4096`. A disk and its partitions are never both in it. */
const blocksOf1 = (text = ""): Blocks => ({
  blockReadBytes: sumOf(text, / Read (\d+)/g),
  blockWriteBytes: sumOf(text, / Write (\d+)/g),
});

/** Lines of `8:0 rbytes=4096 wbytes=0 …`. */
const blocksOf2 = (text = ""): Blocks => ({
  blockReadBytes: sumOf(text, / rbytes=(\d+)/g),
  blockWriteBytes: sumOf(text, / wbytes=(\d+)/g),
});

function sumOf(text: string, number: RegExp): number {
  let sum = 0;
  for (const [, digits] of text.matchAll(number)) sum += Number(digits);
  return sum;
}

/** What all interfaces but loopback carried, from `/proc/PID/net/dev`. */
export function parseNetwork(text: string): NonNullable<ContainerUsage["network"]> {
  let [receiveBytes, transmitBytes] = [0, 0];
  for (const line of text.split("\n")) {
    const [name, counts] = line.split(":");
    if (counts === undefined || name?.trim() === "lo") continue;
    const numbers = counts.trim().split(/\s+/).map(Number);
    receiveBytes += numbers[0] ?? 0;
    transmitBytes += numbers[TRANSMIT_COLUMN] ?? 0;
  }
  return { receiveBytes, transmitBytes };
}

/** After eight columns of what was received. */
const TRANSMIT_COLUMN = 8;
