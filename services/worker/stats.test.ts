import { readFile, statfs } from "node:fs/promises";
import { expect, test } from "@jest/globals";
import { reasonOf } from "../../lib/errors.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createStats } from "./stats.ts";

const cpuLine = (busy: number, idle: number) => `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\n`;

function machine() {
  const files = new Map([
    ["/p/stat", cpuLine(100, 300)],
    ["/p/meminfo", "MemTotal: 2 kB\nMemAvailable: 1 kB\n"],
    ["/p/loadavg", "0.50 0.25 0.10 1/2 3\n"],
  ]);
  const clock = createManualClock();
  const stats = createStats({
    procRoot: "/p",
    diskPath: "/data",
    clock,
    readFile: async (path) => {
      const text = files.get(path);
      if (text === undefined) throw new Error(`no ${path}`);
      return text;
    },
    statfs: async (path) => ({ bsize: 4096, blocks: path === "/data" ? 1000 : 0, bavail: 250 }),
  });
  return {
    files,
    stats,
    clock,
    cpuAt: async (elapsedMs: number, busy: number, idle: number) => {
      await clock.advance(elapsedMs);
      files.set("/p/stat", cpuLine(busy, idle));
      return (await stats.measure()).cpuPercent;
    },
  };
}

test("measures everything that the contract names", async () => {
  expect(await machine().stats.measure()).toEqual({
    cpuPercent: 25,
    load1m: 0.5,
    load5m: 0.25,
    load15m: 0.1,
    memoryTotalBytes: 2048,
    memoryAvailableBytes: 1024,
    diskTotalBytes: 4_096_000,
    diskAvailableBytes: 1_024_000,
  });
});

test("CPU use is that since boot at first, then that since the measurement before", async () => {
  const { cpuAt } = machine();
  expect(await cpuAt(0, 100, 300)).toBe(25);
  expect(await cpuAt(1000, 200, 300)).toBe(100);
  expect(await cpuAt(1000, 200, 400)).toBe(0);
  expect(await cpuAt(5000, 250, 450)).toBe(50);
});

test("measurements in quick succession share a span of a second at least", async () => {
  const { cpuAt } = machine();
  await cpuAt(0, 100, 300);
  expect(await cpuAt(1000, 150, 350)).toBe(50);
  expect(await cpuAt(10, 151, 350)).toBeCloseTo(50.5, 1);
  expect(await cpuAt(10, 152, 350)).toBeCloseTo(50.98, 1);
  expect(await cpuAt(1000, 152, 452)).toBeCloseTo(1.92, 1);
});

test("CPU use stays between 0 and 100, though idle time can go back", async () => {
  const { cpuAt } = machine();
  await cpuAt(0, 100, 300);
  expect(await cpuAt(1000, 110, 295)).toBe(100);
  expect(await cpuAt(1000, 110, 295)).toBe(0);
});

test("what cannot be read is told", async () => {
  const { stats, files } = machine();
  files.delete("/p/meminfo");
  const error = await stats.measure().catch((reason: unknown) => reason);
  expect(reasonOf(error)).toBe("STATS_UNREADABLE");
  expect(error).toMatchObject({ message: expect.stringContaining("cannot measure meminfo") });
});

test("a real machine can be measured", async () => {
  const stats = createStats({
    procRoot: "/proc",
    diskPath: "/",
    clock: createManualClock(),
    readFile: (path) => readFile(path, "utf8"),
    statfs: (path) => statfs(path),
  });
  const metrics = await stats.measure();
  expect(metrics.cpuPercent).toBeGreaterThanOrEqual(0);
  expect(metrics.cpuPercent).toBeLessThanOrEqual(100);
  expect(metrics.memoryTotalBytes).toBeGreaterThan(metrics.memoryAvailableBytes);
  expect(metrics.diskTotalBytes).toBeGreaterThan(metrics.diskAvailableBytes);
});
