import type { Worker } from "../../gen/berth/v1/worker_pb.ts";
import { formatCpus, formatLabels, formatSince, formatSize, oneLine } from "./format.ts";
import { formatFields } from "./table.ts";
import { cpuText, diskText, memoryText, troubleText, workerStateText } from "./worker-listing.ts";

/** All about a worker, for people. */
export function describeWorker(worker: Worker, nowMs: number): string {
  const { id, presence, allocation } = worker;
  const description = presence?.description;
  return formatFields([
    ["ID", id],
    ["State", [workerStateText(worker), troubleText(worker)].filter(Boolean).join(": ")],
    ["Heard of", `${formatSince(presence?.heardTime, nowMs)} ago`],
    ["In this state", formatSince(presence?.stateTime, nowMs)],
    ["Hostname", oneLine(description?.hostname ?? "")],
    ["Address", oneLine(description?.address ?? "")],
    ["Platform", description ? `${description.os}/${description.architecture}` : ""],
    ["Engine", oneLine(description?.engine ?? "")],
    ["Version", oneLine(description?.version ?? "")],
    ["Capabilities", description?.capabilities.join(", ") ?? ""],
    ["Labels", oneLine(formatLabels(description?.labels ?? {}))],
    ["Capacity", amountText(description?.capacity)],
    ["Reserved", amountText(allocation?.reserved)],
    ["Tasks", String(allocation?.taskCount ?? 0)],
    ...measurements(worker),
  ]);
}

function measurements({ presence }: Worker): readonly (readonly [string, string])[] {
  const metrics = presence?.metrics;
  if (!metrics) return [["Measured", "nothing yet"]];
  const { load1m, load5m, load15m } = metrics;
  return [
    ["CPU", cpuText(metrics)],
    ["Load", [load1m, load5m, load15m].map((load) => load.toFixed(2)).join(" ")],
    ["Memory used", memoryText(metrics)],
    ["Disk free", `${diskText(metrics)} of ${formatSize(metrics.diskTotalBytes)}`],
  ];
}

type Amount = Readonly<{
  cpuMillis?: bigint | undefined;
  memoryBytes?: bigint | undefined;
  diskBytes?: bigint | undefined;
}>;

/** An amount of what workers have: `0.5 CPUs, 512 MiB memory, 1 GiB disk`. */
export function amountText(amount: Amount | undefined): string {
  const { cpuMillis, memoryBytes, diskBytes } = amount ?? {};
  return [
    cpuMillis === undefined ? "" : `${formatCpus(cpuMillis)} CPUs`,
    memoryBytes === undefined ? "" : `${formatSize(memoryBytes)} memory`,
    diskBytes === undefined ? "" : `${formatSize(diskBytes)} disk`,
  ]
    .filter(Boolean)
    .join(", ");
}
