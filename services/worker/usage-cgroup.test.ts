import { expect, test } from "@jest/globals";
import { createCgroupGlance, createCgroupUsage } from "./usage-cgroup.ts";
import { usageFromEngine } from "./usage-engine.ts";

const ID = "ab".repeat(32);

const NET_DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
    lo:     900       9    0    0    0     0          0         0      900       9    0    0
  eth0:     200       2    0    0    0     0          0         0       70       1    0    0
  eth1:      10       1    0    0    0     0          0         0        5       1    0    0
`;

const v1 = (place: string) => ({
  [`/cg/cpuacct/${place}/cpuacct.usage`]: "52463241\n",
  [`/cg/memory/${place}/memory.usage_in_bytes`]: "1339392\n",
  [`/cg/memory/${place}/memory.stat`]:
    "cache 765952\ninactive_file 1\ntotal_inactive_file 483328\n",
  [`/cg/memory/${place}/memory.limit_in_bytes`]: "9223372036854771712\n",
  [`/cg/blkio/${place}/blkio.throttle.io_service_bytes_recursive`]:
    "8:0 Read 4096\n8:0 Write 512\n8:0 Sync 4608\n8:16 Read 4\n8:16 Write 0\nTotal 4612\n",
  [`/cg/pids/${place}/pids.current`]: "3\n",
  [`/cg/pids/${place}/cgroup.procs`]: "77\n78\n",
  "/proc/77/net/dev": NET_DEV,
});

const v2 = (place: string) => ({
  "/cg/cgroup.controllers": "cpu io memory pids\n",
  [`/cg/${place}/cpu.stat`]: "usage_usec 52463\nuser_usec 30000\n",
  [`/cg/${place}/memory.current`]: "1339392\n",
  [`/cg/${place}/memory.stat`]: "anon 100\ninactive_file 483328\n",
  [`/cg/${place}/memory.max`]: "max\n",
  [`/cg/${place}/io.stat`]: "8:0 rbytes=4096 wbytes=512 rios=1\n8:16 rbytes=4 wbytes=0 rios=1\n",
  [`/cg/${place}/pids.current`]: "3\n",
  [`/cg/${place}/cgroup.procs`]: "77\n",
  "/proc/77/net/dev": NET_DEV,
});

const readerOf = (files: Readonly<Record<string, string>>) =>
  createCgroupUsage({
    read: (path) => files[path],
    now: () => 7,
    cgroupRoot: "/cg",
    procRoot: "/proc",
  });

const figures = {
  takenMs: 7,
  memoryBytes: 1_339_392 - 483_328,
  memoryUsageBytes: 1_339_392,
  memoryLimitBytes: 0,
  network: { receiveBytes: 210, transmitBytes: 75 },
  blockReadBytes: 4_100,
  blockWriteBytes: 512,
  processCount: 3,
};

const bridged = { containerId: ID, hasNetwork: true };

test.each([`docker/${ID}`, `system.slice/docker-${ID}.scope`])(
  "a container's figures are read from cgroup v1 and v2 under %s",
  (place) => {
    expect(readerOf(v1(place))(bridged)).toEqual({ ...figures, cpuNanos: 52_463_241 });
    expect(readerOf(v2(place))(bridged)).toEqual({ ...figures, cpuNanos: 52_463_000 });
  },
);

test("a glance tells the same of CPU and memory, from a third of the files", () => {
  for (const files of [v1(`docker/${ID}`), v2(`system.slice/docker-${ID}.scope`)]) {
    const read: string[] = [];
    const glance = createCgroupGlance({
      read(path) {
        const text = (files as Readonly<Record<string, string>>)[path];
        if (text !== undefined) read.push(path);
        return text;
      },
      now: () => 7,
      cgroupRoot: "/cg",
    });
    const { takenMs, cpuNanos, memoryBytes } = readerOf(files)(bridged) ?? {};
    expect(glance(ID)).toMatchObject({ takenMs, cpuNanos, memoryBytes });
    expect(read.filter((path) => path.includes(ID))).toHaveLength(3);
    expect([glance("ff".repeat(32)), glance("../x")]).toEqual([undefined, undefined]);
  }
});

test("a container on the machine's network has no figures of a network of its own", () => {
  const usage = readerOf(v2(`docker/${ID}`))({ ...bridged, hasNetwork: false });
  expect(usage).toMatchObject({ network: undefined, processCount: 3 });
});

test("what the files tell in part is asked of the engine", () => {
  const { "/proc/77/net/dev": _, ...hidden } = v2(`docker/${ID}`);
  expect(readerOf(hidden)(bridged)).toBeUndefined();
  expect(readerOf({})(bridged)).toBeUndefined();
  expect(readerOf(v2("docker/../x"))({ ...bridged, containerId: "../x" })).toBeUndefined();
});

test("a memory limit is told", () => {
  const files = {
    ...v1(`docker/${ID}`),
    [`/cg/memory/docker/${ID}/memory.limit_in_bytes`]: "4096",
  };
  expect(readerOf(files)(bridged)?.memoryLimitBytes).toBe(4_096);
});

const ANSWER = {
  read: "2026-11-22T22:18:42.667275725Z",
  pids_stats: { current: 3 },
  blkio_stats: {
    io_service_bytes_recursive: [
      { major: 8, op: "Read", value: 4_100 },
      { major: 8, op: "write", value: 512 },
    ],
  },
  cpu_stats: { cpu_usage: { total_usage: 52_463_241 } },
  memory_stats: {
    usage: 1_339_392,
    stats: { total_inactive_file: 483_328, hierarchical_memory_limit: 2 ** 63 },
    limit: 25_276_514_304,
  },
  networks: { eth0: { rx_bytes: 200, tx_bytes: 70 }, eth1: { rx_bytes: 10, tx_bytes: 5 } },
};

test("the engine's answer says the same as the files", () => {
  const takenMs = Date.UTC(2026, 10, 22, 22, 18, 42, 667);
  expect(usageFromEngine(ANSWER)).toEqual({ ...figures, takenMs, cpuNanos: 52_463_241 });
});

test("the engine's answer of a container that does not run is none", () => {
  expect(usageFromEngine({ ...ANSWER, read: "0001-01-01T00:00:00Z" })).toBeUndefined();
  expect(usageFromEngine({ ...ANSWER, memory_stats: {} })).toBeUndefined();
});
