import { toMillis } from "../../core/time.ts";
import { labelsOf } from "../../core/worker-settings.ts";
import type { Worker } from "../../gen/berth/v1/worker_pb.ts";
import { formatAge, formatCpus, formatLabels, formatSince, formatSize, oneLine } from "./format.ts";
import { formatFields } from "./table.ts";
import { cpuText, diskText, memoryText, whyText, workerStateText } from "./worker-listing.ts";

/** All about a worker, for people. */
export function describeWorker(worker: Worker, nowMs: number): string {
  const { id, presence, allocation } = worker;
  const description = presence?.description;
  return formatFields([
    ["ID", id],
    ["State", [workerStateText(worker), whyText(worker)].filter(Boolean).join(": ")],
    ["Heard of", `${formatSince(presence?.heardTime, nowMs)} ago`],
    ["In this state", formatSince(presence?.stateTime, nowMs)],
    ["Hostname", oneLine(description?.hostname ?? "")],
    ["Address", oneLine(description?.address ?? "")],
    ["Platform", description ? `${description.os}/${description.architecture}` : ""],
    ["Engine", oneLine(description?.engine ?? "")],
    ["Version", oneLine(description?.version ?? "")],
    ["Capabilities", description?.capabilities.join(", ") ?? ""],
    ["Labels", oneLine(formatLabels(labelsOf(worker)))],
    ["Capacity", amountText(description?.capacity)],
    ["Reserved", amountText(allocation?.reserved)],
    ["Tasks", String(allocation?.taskCount ?? 0)],
    ...drainFields(worker, nowMs),
    ...measurements(worker),
  ]);
}

/** How far a drain has come, and what holds it up, a line a task. */
function drainFields({ drain }: Worker, nowMs: number): readonly (readonly [string, string])[] {
  if (!drain) return [];
  const { remainingCount, deadlineTime, blocks } = drain;
  const leftMs = deadlineTime ? Math.max(0, toMillis(deadlineTime) - nowMs) : undefined;
  const end = leftMs === undefined ? "" : `, the rest is stopped in ${formatAge(leftMs)}`;
  return [
    ["Drain", remainingCount === 0 ? "done" : `${remainingCount} left${end}`],
    ...blocks.map(({ taskId, reason }) => ["Blocked by", `${taskId}: ${oneLine(reason)}`] as const),
  ];
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
