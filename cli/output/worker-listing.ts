import type { Resources } from "../../gen/berth/v1/resources_pb.ts";
import {
  type Worker,
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
    { title: "ID", cell: ({ id }) => id },
    {
      title: "STATE",
      cell: (worker) => (isReady(worker) ? colors.good : colors.bad)(workerStateText(worker)),
    },
    {
      title: "TASKS",
      align: "right",
      cell: ({ allocation }) => String(allocation?.taskCount ?? 0),
    },
    { title: "CPU", align: "right", cell: (worker) => measured(worker, cpuText) },
    { title: "LOAD", align: "right", cell: (worker) => measured(worker, loadText) },
    { title: "MEMORY USED", align: "right", cell: (worker) => measured(worker, memoryText) },
    { title: "DISK FREE", align: "right", cell: (worker) => measured(worker, diskText) },
    { title: "CPUS RESERVED", align: "right", cell: (worker) => reservedText(worker, cpusShare) },
    {
      title: "MEMORY RESERVED",
      align: "right",
      cell: (worker) => reservedText(worker, memoryShare),
    },
    {
      title: "HEARD",
      align: "right",
      cell: ({ presence }) => formatSince(presence?.heardTime, nowMs),
    },
    { title: "ADDRESS", wide: true, cell: (worker) => described(worker, ({ address }) => address) },
    {
      title: "PLATFORM",
      wide: true,
      cell: (worker) => described(worker, ({ os, architecture }) => `${os}/${architecture}`),
    },
    { title: "ENGINE", wide: true, cell: (worker) => described(worker, ({ engine }) => engine) },
    { title: "VERSION", wide: true, cell: (worker) => described(worker, ({ version }) => version) },
    {
      title: "LABELS",
      wide: true,
      cell: (worker) => described(worker, ({ labels }) => formatLabels(labels)),
    },
    { title: "REASON", cell: troubleText },
  ],
});

/** Whether the manager can place tasks on it, as far as it tells. */
const isReady = ({ presence, linked }: Worker): boolean =>
  presence?.state === WorkerState.UP && linked && presence.metrics?.engineHealthy !== false;

/** The state in one word or two: `ready`, `down`, `not linked`, `engine down`. */
export function workerStateText(worker: Worker): string {
  const { presence, linked } = worker;
  if (presence?.state !== WorkerState.UP) {
    return (WorkerState[presence?.state ?? 0] ?? "unknown").toLowerCase();
  }
  if (!linked) return "not linked";
  return isReady(worker) ? "ready" : "engine down";
}

/** Why a worker is not ready. Empty when it is. */
export function troubleText(worker: Worker): string {
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

function reservedText({ presence, allocation }: Worker, text: ShareText): string {
  const capacity = presence?.description?.capacity;
  return capacity ? text(allocation?.reserved, capacity) : "-";
}

const cpusShare: ShareText = (reserved, capacity) =>
  `${formatCpus(reserved?.cpuMillis ?? 0n)}/${formatCpus(capacity.cpuMillis ?? 0n)}`;
const memoryShare: ShareText = (reserved, capacity) =>
  share(reserved?.memoryBytes ?? 0n, capacity.memoryBytes ?? 0n);
