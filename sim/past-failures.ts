import { pastLosses } from "./past-losses.ts";
import { pastWaits } from "./past-waits.ts";
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
        { do: "fault", atMs: 10_610, fault: "clock-step", on: "manager", forMs: 500, level: 1 },
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
    // Its next life took the stop for never begun, while the engine was at it.
    name: "a singleton whose worker crashes while it stops",
    isRepeated: false,
    plan: {
      seed: 454,
      workerCount: 1,
      troubleMs: 55_000,
      steps: [
        {
          do: "submit",
          atMs: 13_698,
          task: "t1",
          spec: {
            ...singleton,
            image: "web:ignores",
            restartPolicy: { mode: "RESTART_MODE_ALWAYS" },
          },
        },
        { do: "fault", atMs: 16_627, fault: "power-loss", on: "registry", forMs: 20_000 },
        { do: "fault", atMs: 22_000, fault: "crash", on: "worker-1", forMs: 1_000 },
      ],
    },
  },
  {
    // The container had ended when the second start came, which started it again.
    name: "a worker that restarts while a slow engine has its start",
    isRepeated: false,
    plan: {
      seed: 23,
      workerCount: 1,
      troubleMs: 16_000,
      steps: [
        {
          do: "fault",
          atMs: 4_000,
          fault: "engine-slow",
          on: "worker-1",
          forMs: 12_000,
          level: 0.88,
        },
        { do: "submit", atMs: 5_000, task: "t1", spec: { image: "web:after-50.exit-3" } },
        { do: "fault", atMs: 8_000, fault: "restart", on: "worker-1" },
      ],
    },
  },
  ...pastWaits,
  ...pastLosses,
];
