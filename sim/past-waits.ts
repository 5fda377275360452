import type { SeedJob } from "./seed-job.ts";

/** Plans in which a task waited, and it was misjudged for what. */
export const pastWaits: readonly SeedJob[] = [
  {
    // The time to try again, set by a clock that was wrong, was taken for what it waited for.
    name: "a task that waits for room since a clock was set back",
    isRepeated: false,
    plan: {
      seed: 1789,
      workerCount: 2,
      troubleMs: 20000,
      steps: [
        {
          atMs: 4168,
          do: "submit",
          task: "t8",
          spec: {
            name: "t8",
            image: "web:unhealthy-after-5000",
            reservation: { cpuMillis: "10", memoryBytes: "1073741824" },
            stopGrace: "0s",
            restartPolicy: { mode: "RESTART_MODE_ON_FAILURE", restartsMax: 3, window: "120s" },
            livenessProbe: {
              tcp: { port: 80 },
              interval: "0.5s",
              timeout: "0.3s",
              failureThreshold: 2,
            },
            labels: { kind: "loner" },
            taskAffinities: [{ matchLabels: { kind: "loner" }, anti: true }],
          },
          calls: 1,
          againMs: 9356,
        },
        {
          atMs: 4380,
          do: "submit",
          task: "t18",
          spec: {
            name: "t18",
            image: "web:after-20000.exit-7",
            reservation: { cpuMillis: "10", memoryBytes: "1073741824" },
            stopGrace: "5s",
            restartPolicy: { mode: "RESTART_MODE_ON_FAILURE", restartsMax: 2 },
            labels: { kind: "loner" },
            taskAffinities: [{ matchLabels: { kind: "loner" }, anti: true }],
          },
          calls: 1,
        },
        {
          atMs: 7425,
          do: "submit",
          task: "t16",
          spec: {
            name: "t16",
            image: "web:after-1000.oom",
            reservation: { cpuMillis: "500", memoryBytes: "0" },
            stopGrace: "1s",
            restartPolicy: { mode: "RESTART_MODE_ALWAYS", restartsMax: 1, window: "60s" },
            labels: { kind: "loner" },
            taskAffinities: [{ matchLabels: { kind: "loner" }, anti: true }],
          },
          calls: 1,
          againMs: 4812,
        },
        { do: "fault", atMs: 8584, fault: "clock-step", forMs: 5000, on: "manager", level: 0.79 },
        {
          atMs: 9892,
          do: "submit",
          task: "t1",
          spec: {
            name: "t1",
            image: "web:ignores",
            reservation: { cpuMillis: "2000", memoryBytes: "0" },
            stopGrace: "5s",
            restartPolicy: { mode: "RESTART_MODE_ON_FAILURE" },
            labels: { kind: "loner" },
            taskAffinities: [{ matchLabels: { kind: "loner" }, anti: true }],
          },
          calls: 1,
        },
        {
          atMs: 10239,
          do: "submit",
          task: "t25",
          spec: {
            name: "t25",
            image: "web:1",
            reservation: { cpuMillis: "2000", memoryBytes: "1073741824" },
            stopGrace: "1s",
            restartPolicy: { mode: "RESTART_MODE_ON_FAILURE", restartsMax: 3, window: "120s" },
            livenessProbe: {
              tcp: { port: 80 },
              interval: "0.5s",
              timeout: "0.3s",
              failureThreshold: 2,
            },
            readinessProbe: {
              tcp: { port: 80 },
              interval: "0.5s",
              timeout: "0.3s",
              failureThreshold: 2,
            },
            labels: { kind: "loner" },
            taskAffinities: [{ matchLabels: { kind: "loner" }, anti: true }],
          },
          calls: 1,
        },
      ],
    },
  },
];
