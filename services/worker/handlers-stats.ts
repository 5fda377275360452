import { create } from "@bufbuild/protobuf";
import { createCpuRates } from "../../core/task-usage.ts";
import { toTimestamp } from "../../core/time.ts";
import {
  statsIntervalMs,
  validateStatsInterval,
  validateStatsTasks,
} from "../../core/validate-stats.ts";
import {
  type TaskStats,
  TaskStatsSchema,
  type TaskStatsWarning,
  TaskStatsWarningSchema,
} from "../../gen/berth/v1/task_stats_pb.ts";
import {
  type WorkerServiceStreamTaskStatsRequest,
  type WorkerServiceStreamTaskStatsResponse,
  WorkerServiceStreamTaskStatsResponseSchema,
} from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted } from "../../lib/errors.ts";
import type { Attempt } from "./attempt.ts";
import { refuse } from "./handlers-checks.ts";
import type { Supervisor } from "./supervisor.ts";
import type { Sample, UsageSampler } from "./usage-sampler.ts";

type Deps = Readonly<{
  supervisor: Pick<Supervisor, "adopted" | "list">;
  sampler: UsageSampler;
  workerId: string;
  clock: Clock;
}>;

/** Streams at once: all of them share measurements. */
const STATS_STREAMS_MAX = 256;

/** Entries of one message: some 100 KiB. */
const ENTRIES_MAX = 500;

type Responses = AsyncGenerator<WorkerServiceStreamTaskStatsResponse, void, undefined>;

/** Streams what containers use, to so many readers at once. */
export function createStatsStreamer(deps: Deps) {
  let streamCount = 0;
  return async function* streamTaskStats(
    request: WorkerServiceStreamTaskStatsRequest,
    signal: AbortSignal,
  ): Responses {
    const { taskIds, interval } = request;
    refuse([...validateStatsTasks(taskIds), ...validateStatsInterval(interval)]);
    if (streamCount >= STATS_STREAMS_MAX)
      throw exhausted("TOO_MANY_STATS_STREAMS", `${streamCount} of them are open: close some`);
    streamCount++;
    try {
      await deps.supervisor.adopted();
      yield* rounds(request, deps, signal);
    } finally {
      streamCount--;
    }
  };
}

/** The reader's pace is kept: a round is measured only once the one before it has been taken. */
async function* rounds(
  { taskIds, interval }: WorkerServiceStreamTaskStatsRequest,
  { supervisor, sampler, workerId, clock }: Deps,
  signal: AbortSignal,
): Responses {
  const wanted = new Set(taskIds);
  const isWanted = ({ key }: Attempt) => wanted.size === 0 || wanted.has(key.taskId);
  const rates = createCpuRates();
  while (!signal.aborted) {
    const samples = await sampler.sample(supervisor.list().filter(isWanted));
    const stats = samples.flatMap((sample) => statsOf(sample, workerId));
    const percents = rates(stats);
    yield* messages(
      stats.map((each, i) => withPercent(each, percents[i])),
      samples.flatMap((sample) => warningOf(sample, workerId)),
    );
    await clock.sleep(statsIntervalMs(interval), signal);
  }
}

const withPercent = (stats: TaskStats, cpuPercent: number | undefined): TaskStats =>
  cpuPercent === undefined ? stats : { ...stats, cpuPercent };

/** One message at least, so that a round without figures is told too. */
function* messages(
  stats: readonly TaskStats[],
  warnings: readonly TaskStatsWarning[],
): Generator<WorkerServiceStreamTaskStatsResponse> {
  const end = Math.max(1, stats.length, warnings.length);
  for (let first = 0; first < end; first += ENTRIES_MAX) {
    const last = first + ENTRIES_MAX;
    yield create(WorkerServiceStreamTaskStatsResponseSchema, {
      stats: stats.slice(first, last),
      warnings: warnings.slice(first, last),
      complete: last >= end,
    });
  }
}

function statsOf({ attempt, measured }: Sample, workerId: string): TaskStats[] {
  if (measured.kind !== "usage") return [];
  const { usage } = measured;
  const stats = create(TaskStatsSchema, {
    ...attempt.key,
    taskName: attempt.name,
    workerId,
    observeTime: toTimestamp(usage.takenMs),
    cpuNanos: BigInt(usage.cpuNanos),
    memoryBytes: BigInt(usage.memoryBytes),
    memoryUsageBytes: BigInt(usage.memoryUsageBytes),
    memoryLimitBytes: BigInt(usage.memoryLimitBytes),
    ...(usage.network && {
      networkReceiveBytes: BigInt(usage.network.receiveBytes),
      networkTransmitBytes: BigInt(usage.network.transmitBytes),
    }),
    blockReadBytes: BigInt(usage.blockReadBytes),
    blockWriteBytes: BigInt(usage.blockWriteBytes),
    processCount: BigInt(usage.processCount),
  });
  return [stats];
}

function warningOf({ attempt, measured }: Sample, workerId: string): TaskStatsWarning[] {
  if (measured.kind !== "failed") return [];
  const { taskId } = attempt.key;
  return [create(TaskStatsWarningSchema, { taskId, workerId, message: measured.message })];
}
