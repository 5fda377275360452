import { create } from "@bufbuild/protobuf";
import { toTimestamp } from "../../core/time.ts";
import { type Worker, WorkerSchema, WorkerState } from "../../gen/berth/v1/worker_pb.ts";

const GIB = 2n ** 30n;

/** A worker that is ready, one that was lost, and one whose engine does not answer. */
export const fakeWorkers = (nowMs: number): readonly Worker[] => [
  ready(nowMs),
  create(WorkerSchema, {
    id: "worker-2",
    presence: {
      workerId: "worker-2",
      state: WorkerState.DOWN,
      reason: "lease expired",
      heardTime: toTimestamp(nowMs - 600_000),
      stateTime: toTimestamp(nowMs - 585_000),
    },
  }),
  withoutEngine(nowMs),
];

const ready = (nowMs: number): Worker =>
  create(WorkerSchema, {
    id: "worker-1",
    linked: true,
    allocation: {
      reserved: {
        ...{ cpuMillis: 1500n, memoryBytes: GIB / 2n },
        custom: { gpu: { count: 1n, ids: ["GPU-a"] } },
      },
      taskCount: 3,
    },
    presence: {
      workerId: "worker-1",
      state: WorkerState.UP,
      reason: "registered",
      heardTime: toTimestamp(nowMs - 2_000),
      stateTime: toTimestamp(nowMs - 7_200_000),
      description: {
        hostname: "oak",
        address: "127.0.0.1:7072",
        os: "linux",
        architecture: "amd64",
        capacity: {
          ...{ cpuMillis: 4000n, memoryBytes: 8n * GIB, diskBytes: 100n * GIB },
          custom: { licence: { count: 4n }, gpu: { ids: ["GPU-a", "GPU-b"] } },
        },
        labels: { zone: "a" },
        version: "0.1.0",
        engine: "docker 20.10.24",
      },
      metrics: {
        cpuPercent: 12.4,
        load1m: 0.5,
        load5m: 0.4,
        load15m: 0.3,
        memoryTotalBytes: 8n * GIB,
        memoryAvailableBytes: 6n * GIB,
        diskTotalBytes: 100n * GIB,
        diskAvailableBytes: 40n * GIB,
        taskCount: 3,
        engineHealthy: true,
      },
    },
  });

const withoutEngine = (nowMs: number): Worker =>
  create(WorkerSchema, {
    id: "worker-3",
    linked: true,
    presence: {
      workerId: "worker-3",
      state: WorkerState.UP,
      heardTime: toTimestamp(nowMs - 1_000),
      stateTime: toTimestamp(nowMs - 60_000),
      metrics: { engineHealthy: false, engineError: "the engine does not\u001b[31m answer" },
    },
  });
