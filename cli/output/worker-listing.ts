import { labelsOf } from "../../core/worker-settings.ts";
import type { Resources } from "../../gen/berth/v1/resources_pb.ts";
import {
  type Worker,
  WorkerAvailability,
  type WorkerMetrics,
  WorkerSchema,
  WorkerState,
} from "../../gen/berth/v1/worker_pb.ts";
import type { Colors } from "./colors.ts";
import { formatCpus, formatLabels, formatSince, formatSize, oneLine } from "./format.ts";
import type { Listing } from "./listing.ts";

/** How workers are listed at the time `nowMs`. */
export const workerListing = (colors: Colors, nowMs: number): Listing<typeof WorkerSchema> => ({
  schema: WorkerSchema,
  nameOf: ({ id }) => id,
  columns: [
    { title: "ID", elastic: 8, keep: "end", cell: ({ id }) => id },
    {
      title: "STATE",
      cell: (worker) => colorOf(worker, colors)(workerStateText(worker)),
    },
    {
      title: "TASKS",
      align: "right",
      cell: ({ allocation }) => String(allocation?.taskCount ?? 0),
    },
    { title: "CPU", align: "right", only: "wide", cell: (worker) => measured(worker, cpuText) },
    { title: "LOAD", align: "right", only: "wide", cell: (worker) => measured(worker, loadText) },
    {
      title: "MEMORY USED",
      align: "right",
      only: "wide",
      cell: (worker) => measured(worker, memoryText),
    },
    {
      title: "DISK FREE",
      align: "right",
      only: "wide",
      cell: (worker) => measured(worker, diskText),
    },
    { title: "CPUS", align: "right", cell: (worker) => reservedText(worker, cpusShare) },
    {
      title: "MEMORY",
      align: "right",
      cell: (worker) => reservedText(worker, memoryShare),
    },
    {
      title: "HEARD",
      align: "right",
      cell: ({ presence }) => formatSince(presence?.heardTime, nowMs),
    },
    {
      title: "ADDRESS",
      only: "wide",
      cell: (worker) => described(worker, ({ address }) => address),
    },
    {
      title: "PLATFORM",
      only: "wide",
      cell: (worker) => described(worker, ({ os, architecture }) => `${os}/${architecture}`),
    },
    { title: "ENGINE", only: "wide", cell: (worker) => described(worker, ({ engine }) => engine) },
    {
      title: "VERSION",
      only: "wide",
      cell: (worker) => described(worker, ({ version }) => version),
    },
    {
      title: "LABELS",
      only: "wide",
      cell: (worker) => oneLine(formatLabels(labelsOf(worker))) || "-",
    },
    { title: "REASON", cell: whyText },
  ],
});

/** Whether the manager can place tasks on it, as far as it tells. */
const isReady = ({ presence, linked }: Worker): boolean =>
  presence?.state === WorkerState.UP && linked && presence.metrics?.engineHealthy !== false;

const colorOf = (worker: Worker, colors: Colors) => {
  if (!isReady(worker)) return colors.bad;
  return availabilityText(worker) === "" ? colors.good : colors.moving;
};

/** What operators decided: `paused`, `draining`, or nothing while the worker takes tasks. */
export function availabilityText({ settings }: Worker): string {
  const { availability } = settings ?? {};
  if (availability === WorkerAvailability.PAUSED) return "paused";
  return availability === WorkerAvailability.DRAINING ? "draining" : "";
}

/** The state in a few words: `ready`, `paused`, `draining`, `down`, `not linked, draining`. */
export function workerStateText(worker: Worker): string {
  const decided = availabilityText(worker);
  if (isReady(worker)) return decided || "ready";
  return [presentText(worker), decided].filter(Boolean).join(", ");
}

/** What the worker itself is. */
function presentText(worker: Worker): string {
  const { presence, linked } = worker;
  if (presence?.state !== WorkerState.UP) {
    return (WorkerState[presence?.state ?? 0] ?? "unknown").toLowerCase();
  }
  return linked ? "engine down" : "not linked";
}

/** Why a worker takes no tasks, in the words of whoever knows. Empty when it does. */
export const whyText = (worker: Worker): string =>
  troubleText(worker) ||
  (availabilityText(worker) === "" ? "" : oneLine(worker.settings?.reason ?? ""));

/** Why a worker is not ready. Empty when it is. */
function troubleText(worker: Worker): string {
  if (isReady(worker)) return "";
  const { presence, linked } = worker;
  if (presence?.state !== WorkerState.UP) return oneLine(presence?.reason ?? "");
  return linked ? oneLine(presence.metrics?.engineError ?? "") : "the manager cannot reach it";
}

const measured = ({ presence }: Worker, text: (metrics: WorkerMetrics) => string): string =>
  presence?.metrics ? text(presence.metrics) : "-";

const described = (
  { presence }: Worker,
  text: (description: NonNullable<typeof presence>["description"] & object) => string,
): string => (presence?.description ? oneLine(text(presence.description)) || "-" : "-");

export const cpuText = ({ cpuPercent }: WorkerMetrics): string => `${Math.round(cpuPercent)}%`;
const loadText = ({ load1m }: WorkerMetrics): string => load1m.toFixed(2);
export const memoryText = (metrics: WorkerMetrics): string =>
  share(metrics.memoryTotalBytes - metrics.memoryAvailableBytes, metrics.memoryTotalBytes);
export const diskText = ({ diskAvailableBytes }: WorkerMetrics): string =>
  formatSize(diskAvailableBytes);

const share = (part: bigint, whole: bigint): string => `${formatSize(part)}/${formatSize(whole)}`;

type ShareText = (reserved: Resources | undefined, capacity: Resources) => string;

/** Of what placement counts with; a manager that tells of none has no overcommit. */
function reservedText({ presence, allocation, offered }: Worker, text: ShareText): string {
  const capacity = offered ?? presence?.description?.capacity;
  return capacity ? text(allocation?.reserved, capacity) : "-";
}

const cpusShare: ShareText = (reserved, capacity) =>
  `${formatCpus(reserved?.cpuMillis ?? 0n)}/${formatCpus(capacity.cpuMillis ?? 0n)}`;
const memoryShare: ShareText = (reserved, capacity) =>
  share(reserved?.memoryBytes ?? 0n, capacity.memoryBytes ?? 0n);
