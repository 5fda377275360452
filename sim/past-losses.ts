import type { SeedJob } from "./seed-job.ts";

/** Plans in which workers once were lost too early, or their end was noticed too late. */
export const pastLosses: readonly SeedJob[] = [
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
