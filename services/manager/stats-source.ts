import { ConnectError } from "@connectrpc/connect";
import type { TaskStats, TaskStatsWarning } from "../../gen/berth/v1/task_stats_pb.ts";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";

/** Whose figures are wanted from where. */
export type StatsTarget = Readonly<{
  address: string;
  /** Empty: of all that run there. */
  taskIds: readonly string[];
}>;

/** One worker's figures, as they come. */
export interface StatsSource {
  readonly target: StatsTarget;
  /** Resolves once there is a whole round, or there will be none. */
  readonly begun: Promise<void>;
  /** The latest whole round. Undefined before the first. */
  round(): Round | undefined;
  /** Why there will be no more, and since when. Undefined while there may be. */
  failure(): Readonly<{ message: string; sinceMs: number }> | undefined;
  close(): void;
}

export type Round = Readonly<{
  stats: readonly TaskStats[];
  warnings: readonly TaskStatsWarning[];
  /** When it came, by the monotonic clock. */
  heardMs: number;
}>;

type Deps = Readonly<{
  connect: (address: string) => Channel;
  clock: Clock;
  intervalMs: number;
}>;

/** Opens a stream of figures over a connection of its own, and keeps the latest of them. */
export function openStatsSource(
  target: StatsTarget,
  { connect, clock, intervalMs }: Deps,
): StatsSource {
  const over = new AbortController();
  const channel = connect(target.address);
  let round: Round | undefined;
  let failure: Readonly<{ message: string; sinceMs: number }> | undefined;
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });

  async function read(): Promise<void> {
    const client = createClient(WorkerService, channel);
    const seconds = BigInt(Math.floor(intervalMs / 1_000));
    const interval = { seconds, nanos: Math.round((intervalMs % 1_000) * 1e6) };
    const request = { taskIds: [...target.taskIds], interval };
    let [stats, warnings]: [TaskStats[], TaskStatsWarning[]] = [[], []];
    for await (const part of client.streamTaskStats(request, { signal: over.signal })) {
      stats.push(...part.stats);
      warnings.push(...part.warnings);
      if (!part.complete) continue;
      round = { stats, warnings, heardMs: clock.monotonic() };
      [stats, warnings] = [[], []];
      begin();
    }
    throw new Error("the worker has ended the stream");
  }

  void read().catch((error: unknown) => {
    failure = { message: ConnectError.from(error).rawMessage, sinceMs: clock.monotonic() };
    channel.close();
    begin();
  });
  return {
    target,
    begun,
    round: () => round,
    failure: () => failure,
    close: () => over.abort(),
  };
}
