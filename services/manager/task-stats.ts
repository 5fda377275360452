import { create } from "@bufbuild/protobuf";
import { createCpuRates } from "../../core/task-usage.ts";
import { statsIntervalMs } from "../../core/validate-stats.ts";
import {
  type StreamTaskStatsRequest,
  type StreamTaskStatsResponse,
  StreamTaskStatsResponseSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import type { TaskStats } from "../../gen/berth/v1/task_stats_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted } from "../../lib/errors.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import type { LedgerView } from "./ledger.ts";
import { readStatsQuestion, type StatsQuestion } from "./stats-question.ts";
import { createStatsSources, type StatsRound, type StatsSources } from "./stats-sources.ts";
import type { WorkerTable } from "./worker-table.ts";

type Deps = Readonly<{
  ledger: LedgerView;
  workers: WorkerTable;
  connect: (address: string) => Channel;
  clock: Clock;
}>;

/** Streams at once: each may hold a connection to every worker. */
const STREAMS_MAX = 32;

/** Entries of one message: some 100 KiB. */
const ENTRIES_MAX = 500;

type Responses = AsyncGenerator<StreamTaskStatsResponse, void, undefined>;

/** Streams what tasks use, gathered from the workers that they are on. */
export function createTaskStatsStreamer(deps: Deps) {
  let streamCount = 0;
  return async function* streamTaskStats(
    request: StreamTaskStatsRequest,
    signal: AbortSignal,
  ): Responses {
    const question = readStatsQuestion(request, deps.ledger);
    if (streamCount >= STREAMS_MAX)
      throw exhausted("TOO_MANY_STATS_STREAMS", `${streamCount} of them are open: close some`);
    streamCount++;
    const intervalMs = statsIntervalMs(request.interval);
    const sources = createStatsSources({ ...deps, intervalMs, signal });
    try {
      yield* rounds({ question, sources, intervalMs, clock: deps.clock }, signal);
    } finally {
      sources.close();
      streamCount--;
    }
  };
}

type Rounds = Readonly<{
  question: StatsQuestion;
  sources: StatsSources;
  intervalMs: number;
  clock: Clock;
}>;

async function* rounds(
  { question, sources, intervalMs, clock }: Rounds,
  signal: AbortSignal,
): Responses {
  const rates = createCpuRates();
  while (!signal.aborted) {
    const { wanted, warnings, isOver } = question();
    const told = await sources.round(wanted);
    const stats = told.stats.toSorted(byTask);
    const percents = rates(stats);
    yield* messages({
      stats: stats.map((each, i) => withPercent(each, percents[i])),
      warnings: [...warnings, ...told.warnings],
    });
    if (isOver) return;
    await clock.sleep(intervalMs, signal);
  }
}

const byTask = (a: TaskStats, b: TaskStats): number => {
  if (a.taskId !== b.taskId) return a.taskId < b.taskId ? -1 : 1;
  return a.attempt - b.attempt;
};

function withPercent(stats: TaskStats, cpuPercent: number | undefined): TaskStats {
  const { cpuPercent: _, ...rest } = stats;
  return cpuPercent === undefined ? rest : { ...rest, cpuPercent };
}

/** One message at least, so that a round without figures is told too. */
function* messages({ stats, warnings }: StatsRound): Generator<StreamTaskStatsResponse> {
  const end = Math.max(1, stats.length, warnings.length);
  for (let first = 0; first < end; first += ENTRIES_MAX) {
    const last = first + ENTRIES_MAX;
    yield create(StreamTaskStatsResponseSchema, {
      stats: stats.slice(first, last),
      warnings: warnings.slice(first, last),
      complete: last >= end,
    });
  }
}
