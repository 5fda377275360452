import { create } from "@bufbuild/protobuf";
import { customCapacityOf } from "../../core/custom-resources.ts";
import { amountOf, type Facts, type Measured } from "../../core/placement/candidate.ts";
import type { Cure } from "../../core/placement/remedy.ts";
import { offeredOf, refusalOf } from "../../core/worker-settings.ts";
import {
  type WorkerDescription,
  WorkerDescriptionSchema,
  type WorkerMetrics,
  type WorkerSettings,
  WorkerState,
} from "../../gen/berth/v1/worker_pb.ts";
import type { KnownWorker } from "./worker-table.ts";

/** Whether a worker can take tasks: alive, linked, measured, its engine well. */
export const isReady = (worker: KnownWorker): boolean => notReadyReason(worker) === undefined;

/**
 * What placement must know of a worker apart from what runs there. `metrics` are its measurements
 * as far as they count: without them it is placed on as if nobody had measured it.
 */
export function factsOf(worker: KnownWorker, metrics: WorkerMetrics | undefined): Facts {
  const reason = notReadyReason(worker);
  const said = saidOf(worker);
  return {
    workerId: worker.workerId,
    ready: reason === undefined,
    notReadyReason: reason,
    hostname: said.hostname,
    version: said.version,
    labels: said.labels,
    operatorLabels: worker.record.settings.labels,
    os: said.os,
    architecture: said.architecture,
    capabilities: said.capabilities,
    capacity: said.capacity,
    customCapacity: said.customCapacity,
    diskAvailableBytes: metrics && Number(metrics.diskAvailableBytes),
    metrics: metrics && {
      cpuPercent: metrics.cpuPercent,
      memoryTotalBytes: Number(metrics.memoryTotalBytes),
      memoryAvailableBytes: Number(metrics.memoryAvailableBytes),
    },
  };
}

/** What follows from a worker's description, and from what operators decided about it. */
type Said = Omit<Facts, "workerId" | "ready" | "notReadyReason" | "operatorLabels" | Measured>;

type Heard = Readonly<{ settings: WorkerSettings; said: Said }>;

/** A description stays the same object from one heartbeat to the next: what it says is read once. */
const heard = new WeakMap<WorkerDescription, Heard>();

const NOTHING = create(WorkerDescriptionSchema);

function saidOf({ presence: { description = NOTHING }, record: { settings } }: KnownWorker): Said {
  const known = heard.get(description);
  if (known?.settings === settings) return known.said;
  const { hostname, version, labels, os, architecture, capabilities, capacity } = description;
  const said = {
    ...{ hostname, version, labels, os, architecture },
    capabilities: new Set(capabilities),
    capacity: offeredOf(amountOf(capacity), settings),
    customCapacity: customCapacityOf(capacity),
  };
  heard.set(description, { settings, said });
  return said;
}

function notReadyReason({ presence, linked, record }: KnownWorker): string | undefined {
  const { state, metrics } = presence;
  if (state === WorkerState.LEFT) return "left";
  if (state !== WorkerState.UP) return "down";
  if (!metrics) return "never reported";
  if (!metrics.engineHealthy) return "engine does not answer";
  return linked ? refusalOf(record) : "no link";
}

/** What makes a worker ready. Undefined where it is, or where that takes more than one thing. */
export function cureOf(worker: KnownWorker): Cure | undefined {
  const refusal = refusalOf(worker.record);
  const words = `activate worker ${worker.workerId} (${refusal})`;
  const cures: readonly Cure[] = [
    ...troublesOf(worker).map((each) => ({ kind: "mend" as const, words: each })),
    ...(refusal === undefined ? [] : [{ kind: "decide" as const, words }]),
  ];
  return cures.length === 1 ? cures[0] : undefined;
}

/** What is to be done about a worker apart from what operators decided. */
function troublesOf({ workerId, presence, linked }: KnownWorker): readonly string[] {
  const { state, metrics } = presence;
  if (state === WorkerState.LEFT) return [`start worker ${workerId} again (it has left)`];
  if (state !== WorkerState.UP) return [`bring worker ${workerId} back (it is down)`];
  const engine = `mend the container engine of worker ${workerId} (it does not answer)`;
  return [
    ...(metrics ? [] : [`wait until worker ${workerId} has reported`]),
    ...(metrics?.engineHealthy === false ? [engine] : []),
    ...(linked ? [] : [`let the manager reach worker ${workerId} (there is no link)`]),
  ];
}
