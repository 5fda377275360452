import { amountOf, type Facts } from "../../core/placement/candidate.ts";
import { refusalOf } from "../../core/worker-settings.ts";
import { type WorkerMetrics, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import type { KnownWorker } from "./worker-table.ts";

/** Whether a worker can take tasks: alive, linked, measured, its engine well. */
export const isReady = (worker: KnownWorker): boolean => notReadyReason(worker) === undefined;

/**
 * What placement must know of a worker apart from what runs there. `metrics` are its measurements
 * as far as they count: without them it is placed on as if nobody had measured it.
 */
export function factsOf(worker: KnownWorker, metrics: WorkerMetrics | undefined): Facts {
  const { description } = worker.presence;
  const reason = notReadyReason(worker);
  return {
    workerId: worker.workerId,
    ready: reason === undefined,
    notReadyReason: reason,
    hostname: description?.hostname ?? "",
    version: description?.version ?? "",
    labels: description?.labels ?? {},
    operatorLabels: worker.record.settings.labels,
    os: description?.os ?? "",
    architecture: description?.architecture ?? "",
    capabilities: new Set(description?.capabilities),
    capacity: amountOf(description?.capacity),
    ...(metrics && {
      diskAvailableBytes: Number(metrics.diskAvailableBytes),
      metrics: {
        cpuPercent: metrics.cpuPercent,
        memoryTotalBytes: Number(metrics.memoryTotalBytes),
        memoryAvailableBytes: Number(metrics.memoryAvailableBytes),
      },
    }),
  };
}

function notReadyReason({ presence, linked, record }: KnownWorker): string | undefined {
  const { state, metrics } = presence;
  if (state === WorkerState.LEFT) return "left";
  if (state !== WorkerState.UP) return "down";
  if (!metrics) return "never reported";
  if (!metrics.engineHealthy) return "engine does not answer";
  return linked ? refusalOf(record) : "no link";
}
