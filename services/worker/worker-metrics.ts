import { create } from "@bufbuild/protobuf";
import { isTerminal } from "../../core/task-state.ts";
import { toTimestamp } from "../../core/time.ts";
import { type WorkerMetrics, WorkerMetricsSchema } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { type Attempt, stateOf } from "./attempt.ts";

/** What is measured of the machine, in the units that the names say. */
export type HostMetrics = Readonly<{
  cpuPercent: number;
  load1m: number;
  load5m: number;
  load15m: number;
  memoryTotalBytes: number;
  memoryAvailableBytes: number;
  diskTotalBytes: number;
  diskAvailableBytes: number;
}>;

export interface HostMeter {
  measure(): Promise<HostMetrics>;
}

type Deps = Readonly<{
  stats: HostMeter;
  clock: Clock;
  attempts: () => readonly Attempt[];
  /** Why the engine is not healthy. Empty when it is. */
  engineError: () => string;
}>;

/** Measures machine and worker together, numbering the measurements. */
export function createMetricsMeter(deps: Deps): () => Promise<WorkerMetrics> {
  const { stats, clock, attempts, engineError } = deps;
  let sequence = 0n;
  return async () => {
    const host = await stats.measure();
    const error = engineError();
    return create(WorkerMetricsSchema, {
      sequence: ++sequence,
      observeTime: toTimestamp(clock.now()),
      cpuPercent: host.cpuPercent,
      load1m: host.load1m,
      load5m: host.load5m,
      load15m: host.load15m,
      memoryTotalBytes: BigInt(Math.floor(host.memoryTotalBytes)),
      memoryAvailableBytes: BigInt(Math.floor(host.memoryAvailableBytes)),
      diskTotalBytes: BigInt(Math.floor(host.diskTotalBytes)),
      diskAvailableBytes: BigInt(Math.floor(host.diskAvailableBytes)),
      taskCount: attempts().filter(({ stage }) => !isTerminal(stateOf(stage))).length,
      engineHealthy: error === "",
      engineError: error,
    });
  };
}

/** How long a heartbeat waits for its measurements: it is sent without them rather than late. */
export const MEASURE_MS_MAX = 1_000;

type Impatience = Readonly<{ measure: () => Promise<WorkerMetrics>; clock: Clock; log: Log }>;

/**
 * Measures, but waits for `MEASURE_MS_MAX` at most: undefined when it failed or takes longer. Of
 * two measurements the second does not begin before the first is done.
 */
export function createImpatientMeter(deps: Impatience): () => Promise<WorkerMetrics | undefined> {
  const { measure, clock, log } = deps;
  let underWay: Promise<WorkerMetrics | undefined> | undefined;

  async function attempt(): Promise<WorkerMetrics | undefined> {
    try {
      return await measure();
    } catch (err) {
      log.warn({ err }, "machine not measured");
      return undefined;
    } finally {
      underWay = undefined;
    }
  }

  return async () => {
    underWay ??= attempt();
    const measured = underWay;
    return new Promise((resolve) => {
      const disarm = clock.after(MEASURE_MS_MAX, () => resolve(undefined));
      void measured.then(resolve).then(disarm);
    });
  };
}
