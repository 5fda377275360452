import type { SeedJob } from "./seed-job.ts";

/**
 * Plans that once showed a fault, and seeds whose plan is too long to keep. They are run always,
 * before all others.
 */
export const pastFailures: readonly SeedJob[] = [
  {
    // The link that was given up told late that it had ended, and so of the one after it.
    name: "a worker that leaves and is back while the store is slow",
    isRepeated: false,
    plan: {
      seed: 1074,
      workerCount: 3,
      troubleMs: 28_000,
      steps: [
        {
          do: "submit",
          atMs: 6_423,
          task: "t4",
          spec: { image: "web:after-2000.exit-0", reservation: { cpuMillis: "2000" } },
        },
        {
          do: "submit",
          atMs: 7_100,
          task: "t1",
          spec: {
            image: "web:after-50.exit-3",
            reservation: { cpuMillis: "10" },
            restartPolicy: { mode: "RESTART_MODE_UNLESS_STOPPED" },
          },
        },
        {
          do: "fault",
          atMs: 7_879,
          fault: "store-slow",
          on: "manager",
          forMs: 20_000,
          level: 0.25,
        },
        { do: "fault", atMs: 8_944, fault: "restart", on: "worker-3" },
        { do: "stop", atMs: 28_000, task: "t1" },
      ],
    },
  },
];
