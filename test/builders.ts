import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { schedule, submit } from "../core/task-change.ts";
import { withDefaults } from "../core/task-spec.ts";
import { PlacementSchema } from "../gen/berth/v1/placement_pb.ts";
import {
  type Attempt,
  AttemptSchema,
  type AttemptStatus,
  AttemptStatusSchema,
  type Task,
  type TaskSpec,
  TaskSpecSchema,
  type TaskState,
} from "../gen/berth/v1/task_pb.ts";
import {
  type WorkerPresence,
  WorkerPresenceSchema,
  WorkerState,
} from "../gen/berth/v1/worker_pb.ts";
import { type AttemptReport, AttemptReportSchema } from "../gen/berth/v1/worker_service_pb.ts";

/** A moment that every test may start from. */
export const START_MS = Date.UTC(2026, 0, 1);

export const GIB = 1024 ** 3;

export function aSpec(init: MessageInitShape<typeof TaskSpecSchema> = {}, taskId = "t1"): TaskSpec {
  const spec = create(TaskSpecSchema, { image: "busybox:1", ...init });
  return withDefaults(spec, { taskId, scheduler: "spread" });
}

export const aPendingTask = (id = "t1", init: MessageInitShape<typeof TaskSpecSchema> = {}): Task =>
  submit(id, aSpec(init, id), START_MS).task;

export function aPlacedTask(
  id = "t1",
  workerId = "w1",
  init: MessageInitShape<typeof TaskSpecSchema> = {},
): Task {
  const placement = create(PlacementSchema, { workerId, scheduler: "spread" });
  return schedule(aPendingTask(id, init), placement, START_MS).task;
}

export const aStatus = (
  state: TaskState,
  init: MessageInitShape<typeof AttemptStatusSchema> = {},
): AttemptStatus => create(AttemptStatusSchema, { state, ...init });

export const anAttempt = (
  number: number,
  init: MessageInitShape<typeof AttemptSchema> = {},
): Attempt => create(AttemptSchema, { number, ...init });

export const aReport = (
  taskId: string,
  state: TaskState,
  {
    attempt = 1,
    ...init
  }: MessageInitShape<typeof AttemptStatusSchema> & { attempt?: number } = {},
): AttemptReport =>
  create(AttemptReportSchema, { taskId, attempt, name: taskId, status: aStatus(state, init) });

/** A worker that is alive and idle, with 4 cores, 8 GiB of memory and 100 GiB of disk. */
export const aPresence = (
  workerId = "w1",
  changes: Partial<WorkerPresence> = {},
): WorkerPresence => ({
  ...create(WorkerPresenceSchema, {
    workerId,
    sessionId: `${workerId}-session`,
    state: WorkerState.UP,
    description: {
      hostname: workerId,
      address: `${workerId}:7072`,
      os: "linux",
      architecture: "amd64",
      capacity: {
        cpuMillis: 4_000n,
        memoryBytes: BigInt(8 * GIB),
        diskBytes: BigInt(100 * GIB),
      },
      capabilities: ["network-host"],
    },
    metrics: {
      sequence: 1n,
      engineHealthy: true,
      memoryTotalBytes: BigInt(8 * GIB),
      memoryAvailableBytes: BigInt(6 * GIB),
      diskTotalBytes: BigInt(100 * GIB),
      diskAvailableBytes: BigInt(50 * GIB),
    },
  }),
  ...changes,
});
