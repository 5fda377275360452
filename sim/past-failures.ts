import type { SeedJob } from "./seed-job.ts";

const singleton = { onDisconnect: "ON_DISCONNECT_STOP", stopGrace: "5s" };

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
  {
    name: "a retry that is due when a clock says so that has been set back since",
    isRepeated: false,
    plan: {
      seed: 20_243,
      workerCount: 3,
      troubleMs: 20_000,
      steps: [
        { do: "fault", atMs: 10_610, fault: "clock-step", on: "manager", forMs: 500, level: 0.74 },
        {
          do: "submit",
          atMs: 11_068,
          task: "t1",
          spec: {
            image: "web:unreachable",
            restartPolicy: { mode: "RESTART_MODE_ON_FAILURE", restartsMax: 2 },
          },
        },
      ],
    },
  },
  {
    // Each session of a worker was as silent as the one before: they shared a connection.
    name: "a registry's machine that loses power",
    isRepeated: false,
    plan: {
      seed: 20_253,
      workerCount: 3,
      troubleMs: 16_000,
      steps: [
        {
          do: "submit",
          atMs: 2_856,
          task: "t1",
          spec: { ...singleton, image: "web:after-20000.exit-7" },
        },
        { do: "fault", atMs: 3_183, fault: "power-loss", on: "registry", forMs: 12_817 },
        { do: "fault", atMs: 6_815, fault: "crash", on: "manager", forMs: 9_185 },
      ],
    },
  },
  {
    // It was reported COMPLETED, by the exit code alone.
    name: "a singleton stopped by a worker that crashes before anybody hears of it",
    isRepeated: false,
    plan: {
      seed: 20_253,
      workerCount: 3,
      troubleMs: 16_000,
      steps: [
        {
          do: "submit",
          atMs: 2_856,
          task: "t1",
          spec: { ...singleton, image: "web:after-20000.exit-0" },
        },
        { do: "fault", atMs: 3_183, fault: "power-loss", on: "registry", forMs: 12_817 },
        { do: "fault", atMs: 6_815, fault: "crash", on: "manager", forMs: 9_185 },
        { do: "fault", atMs: 10_797, fault: "crash", on: "worker-1", forMs: 5_203 },
      ],
    },
  },
  {
    // The start was left out of its call and remembered as told, so the stop had nobody to end.
    name: "a task that is stopped while its start waits behind other calls",
    isRepeated: false,
    plan: {
      seed: 30_221,
      workerCount: 1,
      troubleMs: 44_000,
      steps: [
        {
          do: "submit",
          atMs: 5_804,
          task: "t1",
          spec: {
            image: "web:after-2000.exit-3",
            restartPolicy: { mode: "RESTART_MODE_ALWAYS", restartsMax: 2 },
          },
        },
        {
          do: "fault",
          atMs: 9_107,
          fault: "slow-network",
          on: "manager",
          to: "user",
          forMs: 20_000,
          level: 0.85,
        },
        {
          do: "fault",
          atMs: 9_351,
          fault: "slow-network",
          on: "manager",
          to: "worker-1",
          forMs: 34_649,
          level: 0.76,
        },
        {
          do: "submit",
          atMs: 10_357,
          task: "t2",
          spec: { image: "web:pull-3000.late", pullTimeout: "1s" },
        },
        { do: "stop", atMs: 10_397, task: "t2" },
        { do: "submit", atMs: 14_144, task: "t3", spec: { image: "web:1" } },
        { do: "stop", atMs: 14_185, task: "t3" },
      ],
    },
  },
  {
    // The first was lost before the registry had noticed the last.
    name: "workers that die at once, the last of them a moment too late for the brake",
    isRepeated: false,
    plan: {
      seed: 886,
      workerCount: 3,
      troubleMs: 41000,
      steps: [
        {
          atMs: 13542,
          do: "submit",
          task: "t1",
          spec: {
            name: "t1",
            image: "web:ignores",
            reservation: { cpuMillis: "500", memoryBytes: "0" },
            stopGrace: "0s",
            restartPolicy: { mode: "RESTART_MODE_ALWAYS", restartsMax: 2 },
          },
          calls: 1,
        },
        {
          atMs: 25162,
          do: "submit",
          task: "t3",
          spec: {
            name: "t3",
            image: "web:after-20000.exit-7",
            reservation: { cpuMillis: "2000", memoryBytes: "1073741824" },
            stopGrace: "1s",
            restartPolicy: { mode: "RESTART_MODE_ON_FAILURE", restartsMax: 2 },
          },
          calls: 1,
        },
        { do: "fault", atMs: 30032, fault: "blackout", forMs: 9000, on: "workers", level: 0.22 },
        {
          atMs: 32763,
          do: "submit",
          task: "t4",
          spec: {
            name: "t4",
            image: "web:unhealthy-after-5000",
            reservation: { cpuMillis: "0", memoryBytes: "1048576" },
            stopGrace: "0s",
            restartPolicy: { mode: "RESTART_MODE_ON_FAILURE", restartsMax: 2 },
            ports: [{ containerPort: 80, hostPort: 8080 }],
            livenessProbe: {
              tcp: { port: 80 },
              interval: "0.5s",
              timeout: "0.3s",
              failureThreshold: 2,
            },
          },
          calls: 1,
          againMs: 4965,
        },
      ],
    },
  },
  {
    // The brake let go of the others when the first was back.
    name: "workers that die at once, of whom one is back early",
    isRepeated: false,
    plan: {
      seed: 1682,
      workerCount: 3,
      troubleMs: 28000,
      steps: [
        {
          atMs: 2007,
          do: "submit",
          task: "t10",
          spec: {
            name: "t10",
            image: "web:pull-3000",
            reservation: { cpuMillis: "10", memoryBytes: "1073741824" },
            stopGrace: "5s",
            restartPolicy: { mode: "RESTART_MODE_ALWAYS", restartsMax: 1, window: "60s" },
          },
          calls: 1,
        },
        { do: "fault", atMs: 6335, fault: "blackout", forMs: 21665, on: "workers", level: 0.62 },
        {
          atMs: 9171,
          do: "submit",
          task: "t6",
          spec: {
            name: "t6",
            image: "web:1",
            reservation: { cpuMillis: "10", memoryBytes: "1048576" },
            stopGrace: "0s",
            restartPolicy: { mode: "RESTART_MODE_ON_FAILURE" },
            placementTimeout: "5s",
          },
          calls: 1,
        },
        { do: "fault", atMs: 10931, fault: "blackout", forMs: 50, on: "workers", level: 0.59 },
      ],
    },
  },
  {
    // Nobody had noticed that nobody was registered: the manager took 15 s for it.
    name: "a registry that loses power just before all is looked at",
    isRepeated: false,
    plan: {
      seed: 1443,
      workerCount: 3,
      troubleMs: 42000,
      steps: [
        {
          atMs: 14074,
          do: "submit",
          task: "t2",
          spec: {
            name: "t2",
            image: "web:ignores",
            reservation: { cpuMillis: "2000", memoryBytes: "1048576" },
            stopGrace: "5s",
            restartPolicy: { mode: "RESTART_MODE_ON_FAILURE" },
            onDisconnect: "ON_DISCONNECT_STOP",
          },
          calls: 1,
        },
        { do: "fault", atMs: 40382, fault: "power-loss", forMs: 500, on: "registry", level: 0.3 },
      ],
    },
  },
];
