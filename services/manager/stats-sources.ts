import { create } from "@bufbuild/protobuf";
import {
  type TaskStats,
  type TaskStatsWarning,
  TaskStatsWarningSchema,
} from "../../gen/berth/v1/task_stats_pb.ts";
import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import { openStatsSource, type StatsSource, type StatsTarget } from "./stats-source.ts";
import { isTakenOver, type WorkerTable } from "./worker-table.ts";

/** By worker, whose figures are wanted. Empty: of all that run there. */
export type Wanted = ReadonlyMap<string, readonly string[]>;

export type StatsRound = Readonly<{
  stats: readonly TaskStats[];
  warnings: readonly TaskStatsWarning[];
}>;

/** Figures from several workers, each over a stream that is open for as long as it is wanted. */
export interface StatsSources {
  /** What they told last. Waits a little for those that have only now been asked. */
  round(wanted: Wanted): Promise<StatsRound>;
  close(): void;
}

type Deps = Readonly<{
  workers: Pick<WorkerTable, "get" | "at">;
  connect: (address: string) => Channel;
  clock: Clock;
  intervalMs: number;
  signal: AbortSignal;
}>;

/** The most workers that one stream reads from. */
const WORKERS_MAX = 1_000;

/** How long a round waits for workers that were only now asked. */
const BEGIN_MS_MAX = 2_000;

/** How long a worker that failed is left alone. */
const RETRY_MS = 5_000;

/** Figures that are older than this, beyond three intervals, are told no more. */
const STALE_MS = 2_000;
const STALE_INTERVALS = 3;

export function createStatsSources(deps: Deps): StatsSources {
  const sources = new Map<string, StatsSource>();

  function drop(workerId: string): void {
    sources.get(workerId)?.close();
    sources.delete(workerId);
  }

  /** Sees to a stream of use. A new one is returned, unless it comes after one that failed. */
  function ask(workerId: string, { target }: Place): readonly StatsSource[] {
    const before = sources.get(workerId);
    if (target && before && isOfUse(before, target, deps)) return [];
    drop(workerId);
    if (!target) return [];
    const source = openStatsSource(target, deps);
    sources.set(workerId, source);
    return before?.failure() ? [] : [source];
  }

  function toldBy(workerId: string, { trouble }: Place): StatsRound {
    if (trouble !== undefined) return warned(workerId, trouble);
    return partOf(workerId, sources.get(workerId), deps);
  }

  return {
    async round(wanted) {
      const places = placesOf(wanted, deps);
      const added = [...places].flatMap(([workerId, place]) => ask(workerId, place));
      for (const workerId of sources.keys()) if (!places.has(workerId)) drop(workerId);
      await begun(added, deps);
      const told = [...places].map(([workerId, place]) => toldBy(workerId, place));
      return {
        stats: told.flatMap(({ stats }) => stats),
        warnings: [...told.flatMap(({ warnings }) => warnings), ...leftOut(wanted)],
      };
    },
    close() {
      for (const workerId of [...sources.keys()]) drop(workerId);
    },
  };
}

/** Where a worker is asked, or why it cannot be. */
type Place =
  | Readonly<{ target: StatsTarget; trouble?: undefined }>
  | Readonly<{ target?: undefined; trouble: string }>;

function placesOf(wanted: Wanted, { workers }: Deps): ReadonlyMap<string, Place> {
  const asked = [...wanted].slice(0, WORKERS_MAX);
  return new Map(
    asked.map(([workerId, taskIds]) => {
      const place = addressOf(workerId, workers);
      const target = place.address === undefined ? undefined : { address: place.address, taskIds };
      return [workerId, target ? { target } : { trouble: place.trouble ?? "" }];
    }),
  );
}

function addressOf(workerId: string, workers: Deps["workers"]) {
  const worker = workers.get(workerId);
  const address = worker?.presence.description?.address;
  if (!worker || !address) return { trouble: "has not joined since the manager started" };
  const { state, reason } = worker.presence;
  if (state !== WorkerState.UP)
    return { trouble: `is ${WorkerState[state]?.toLowerCase()}: ${reason}` };
  if (isTakenOver(worker, workers)) return { trouble: `another worker is at ${address} now` };
  return { address };
}

/** Whether a stream gives what is wanted, or has failed so lately that another would too. */
function isOfUse(source: StatsSource, { address, taskIds }: StatsTarget, { clock }: Deps): boolean {
  const failure = source.failure();
  if (failure && clock.monotonic() - failure.sinceMs >= RETRY_MS) return false;
  const { target } = source;
  return target.address === address && target.taskIds.join() === taskIds.join();
}

async function begun(added: readonly StatsSource[], { clock, signal }: Deps): Promise<void> {
  if (added.length === 0) return;
  const enough = new AbortController();
  const either = AbortSignal.any([signal, enough.signal]);
  const all = Promise.all(added.map((source) => source.begun));
  await Promise.race([all, clock.sleep(BEGIN_MS_MAX, either)]);
  enough.abort();
}

function partOf(
  workerId: string,
  source: StatsSource | undefined,
  { clock, intervalMs }: Deps,
): StatsRound {
  const failure = source?.failure();
  if (failure) return warned(workerId, `cannot be asked: ${failure.message}`);
  const round = source?.round();
  if (!round) return warned(workerId, "has not answered yet");
  const silentMs = clock.monotonic() - round.heardMs;
  if (silentMs <= STALE_INTERVALS * intervalMs + STALE_MS) return round;
  return warned(workerId, `has told nothing for ${Math.round(silentMs / 1_000)} s`);
}

const warned = (workerId: string, message: string): StatsRound => ({
  stats: [],
  warnings: [create(TaskStatsWarningSchema, { workerId, message })],
});

function leftOut({ size }: Wanted): TaskStatsWarning[] {
  if (size <= WORKERS_MAX) return [];
  const message = `${size - WORKERS_MAX} workers are left out, as one stream reads from ${WORKERS_MAX}: ask for less`;
  return [create(TaskStatsWarningSchema, { message })];
}
