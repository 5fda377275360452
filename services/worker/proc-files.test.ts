import { expect, test } from "@jest/globals";
import { reasonOf } from "../../lib/errors.ts";
import { parseCpuTime, parseLoadAverages, parseMemory } from "./proc-files.ts";

// Recorded on Linux 6.18 with two cores.
const STAT = `cpu  77566 12 24741 519509 3134 7 1082 1525 400 5
cpu0 38710 6 12418 259611 1597 3 540 771 200 2
cpu1 38855 6 12322 259897 1536 4 541 753 200 3
intr 4581265 0 0 0 0
ctxt 9128371
btime 1763767406
`;
const MEMINFO = `MemTotal:       24684096 kB
MemFree:        22310132 kB
MemAvailable:   22656880 kB
Buffers:           97932 kB
`;
const LOADAVG = "0.81 1.10 12.88 1/268 3046\n";

const reasonFrom = (parse: () => unknown) => {
  try {
    return parse();
  } catch (error) {
    return reasonOf(error);
  }
};

test("guest time is counted once, and waiting for a disk is idle", () => {
  const busy = 77566 + 12 + 24741 + 7 + 1082 + 1525;
  const idle = 519509 + 3134;
  expect(parseCpuTime(STAT)).toEqual({ totalTicks: busy + idle, idleTicks: idle });
});

test("kernels before 2.6 that count less are read as well", () => {
  expect(parseCpuTime("cpu  1 2 3 4\n")).toEqual({ totalTicks: 10, idleTicks: 4 });
});

test("a kB of the kernel is 1024 bytes", () => {
  expect(parseMemory(MEMINFO)).toEqual({
    memoryTotalBytes: 24684096 * 1024,
    memoryAvailableBytes: 22656880 * 1024,
  });
});

test("the load is averaged over one, five and fifteen minutes", () => {
  expect(parseLoadAverages(LOADAVG)).toEqual({ load1m: 0.81, load5m: 1.1, load15m: 12.88 });
});

test.each(["", "cpu0 1 2 3 4\n", "cpu  1 2 3\n", "cpu  x\n"])("%j is no /proc/stat", (text) => {
  expect(reasonFrom(() => parseCpuTime(text))).toBe("STATS_UNREADABLE");
});

test.each(["", "MemTotal: 1 kB\n", MEMINFO.replace("MemAvailable", "Other")])(
  "%j is no /proc/meminfo",
  (text) => {
    expect(reasonFrom(() => parseMemory(text))).toBe("STATS_UNREADABLE");
  },
);

test.each(["", "1.0\n", "a b c d\n"])("%j is no /proc/loadavg", (text) => {
  expect(reasonFrom(() => parseLoadAverages(text))).toBe("STATS_UNREADABLE");
});
