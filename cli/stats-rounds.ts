import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { StreamTaskStatsRequestSchema } from "../gen/berth/v1/manager_service_pb.ts";
import type { TaskStats, TaskStatsWarning } from "../gen/berth/v1/task_stats_pb.ts";
import type { Clock } from "../lib/clock.ts";
import type { Manager } from "./context.ts";

/** What tasks use at a moment, and what could not be measured. */
export type StatsRound = Readonly<{
  kind: "round";
  stats: readonly TaskStats[];
  warnings: readonly TaskStatsWarning[];
}>;

type Told = StatsRound | Readonly<{ kind: "reconnecting" }>;

type Options = Readonly<{
  request: MessageInitShape<typeof StreamTaskStatsRequestSchema>;
  clock: Clock;
  signal: AbortSignal;
}>;

/** Waits between calls to a manager that went away. */
const RECONNECT_DELAYS_MS = [250, 500, 1_000, 2_000, 4_000, 8_000];

/**
 * Whole rounds of figures, over restarts of the manager once there was one. Ends with the stream, or
 * when `signal` aborts; throws when the manager refuses or stays away.
 */
export async function* statsRounds(
  manager: Manager,
  options: Options,
): AsyncGenerator<Told, void, undefined> {
  const { clock, signal } = options;
  const progress = { failureCount: RECONNECT_DELAYS_MS.length };
  while (!signal.aborted) {
    const error = yield* roundsOnce(manager, options, progress);
    if (!error || signal.aborted) return;
    const delayMs = RECONNECT_DELAYS_MS[progress.failureCount++];
    if (delayMs === undefined || error.code !== Code.Unavailable) throw error;
    if (progress.failureCount === 1) yield { kind: "reconnecting" };
    await clock.sleep(delayMs, signal);
  }
}

/** Rounds until the stream ends. Answers with what it failed with. */
async function* roundsOnce(
  manager: Manager,
  { request, signal }: Options,
  progress: { failureCount: number },
): AsyncGenerator<StatsRound, ConnectError | undefined, undefined> {
  let [stats, warnings]: [TaskStats[], TaskStatsWarning[]] = [[], []];
  try {
    for await (const part of manager.streamTaskStats(request, { signal })) {
      stats.push(...part.stats);
      warnings.push(...part.warnings);
      if (!part.complete) continue;
      progress.failureCount = 0;
      yield { kind: "round", stats, warnings };
      [stats, warnings] = [[], []];
    }
  } catch (reason) {
    return ConnectError.from(reason);
  }
  return undefined;
}

/** Rounds until one must tell how busy tasks were: a worker's second measurement may be in the third. */
const SETTLED_ROUNDS_MAX = 4;

/**
 * The first round that tells how busy tasks were, which is the second or soon after; an earlier one
 * where the stream ends with it, as of tasks that have all ended.
 */
export async function settledRound(manager: Manager, options: Options): Promise<StatsRound> {
  let last: StatsRound = { kind: "round", stats: [], warnings: [] };
  let count = 0;
  for await (const told of statsRounds(manager, options)) {
    if (told.kind !== "round") continue;
    last = told;
    count++;
    if (count === SETTLED_ROUNDS_MAX || (count > 1 && isSettled(told))) return last;
  }
  return last;
}

const isSettled = ({ stats }: StatsRound): boolean =>
  stats.length === 0 || stats.some(({ cpuPercent }) => cpuPercent !== undefined);
