import { readFileSync } from "node:fs";

/** Kernel clock ticks a second, as in every Linux on the platforms that Node supports. */
const TICKS_PER_SECOND = 100;

/** CPU seconds that a process has used so far, user and system. */
export function cpuSecondsOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** What of a process is in memory now. */
export const rssBytesOf = (pid: number | undefined): number => statusBytes(pid, "VmRSS");

/** What of that is its own, and not of files, which all processes of a program share. */
export const ownBytesOf = (pid: number | undefined): number => statusBytes(pid, "RssAnon");

const statusBytes = (pid: number | undefined, name: string): number =>
  Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) *
  1024;
