import type { Machine } from "../doctor/machine.ts";

const GIB = 2 ** 30;

const FILES: Readonly<Record<string, string>> = {
  "/proc/self/limits":
    "Max open files            1024                 524288               files\n",
  "/proc/sys/kernel/pid_max": "4194304\n",
  "/proc/sys/net/ipv4/ip_forward": "1\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
};

const ENGINE: Readonly<Record<string, object>> = {
  "/version": { Version: "27.3.1", ApiVersion: "1.47" },
  "/info": {
    ...{ CgroupVersion: "2", MemoryLimit: true, PidsLimit: true, LiveRestoreEnabled: true },
    ...{ SecurityOptions: ["name=seccomp,profile=builtin"], DockerRootDir: "/var/lib/docker" },
  },
};

/** A machine on which all is well. */
export const fakeMachine: Machine = {
  nodeVersion: "20.20.0",
  read: async (path) => FILES[path],
  folder: async (path) => ({
    ...{ path, isWritable: true, availableBytes: 40 * GIB, totalBytes: 100 * GIB },
  }),
  askEngine: async (_socket, path) => ({ status: 200, body: JSON.stringify(ENGINE[path]) }),
  fetch: async (url) =>
    url.endsWith("/metrics")
      ? { status: 200, body: 'berth_build_info{version="0.1.0"} 1\n' }
      : { status: 401, body: "" },
  reach: async () => undefined,
  isTaken: async ({ port }) => port === 7070,
  resolve: async () => ["192.0.2.1"],
};
