import { toMillis } from "../../core/time.ts";
import { labelsOf } from "../../core/worker-settings.ts";
import type { CustomResource, Resources } from "../../gen/berth/v1/resources_pb.ts";
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
    ["Offered", offeredText(worker)],
    ["Reserved", amountText(allocation?.reserved)],
    ["Tasks", String(allocation?.taskCount ?? 0)],
    ...drainFields(worker, nowMs),
    ...measurements(worker),
  ]);
}

/** What placement counts with, where that is more than there is: `8 CPUs (200%), 8 GiB memory`. */
function offeredText({ offered, settings }: Worker): string {
  const { cpuOvercommitPercent: cpus = 100, memoryOvercommitPercent: memory = 100 } =
    settings ?? {};
  if (!offered || (cpus === 100 && memory === 100)) return "";
  return [
    `${formatCpus(offered.cpuMillis ?? 0n)} CPUs (${cpus}%)`,
    `${formatSize(offered.memoryBytes ?? 0n)} memory (${memory}%)`,
  ].join(", ");
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
  custom?: Resources["custom"];
}>;

/** An amount of what workers have: `0.5 CPUs, 512 MiB memory, 1 GiB disk, 2 gpu (GPU-a, GPU-b)`. */
export function amountText(amount: Amount | undefined): string {
  const { cpuMillis, memoryBytes, diskBytes, custom = {} } = amount ?? {};
  return [
    cpuMillis === undefined ? "" : `${formatCpus(cpuMillis)} CPUs`,
    memoryBytes === undefined ? "" : `${formatSize(memoryBytes)} memory`,
    diskBytes === undefined ? "" : `${formatSize(diskBytes)} disk`,
    ...Object.entries(custom).map(customText).sort(),
  ]
    .filter(Boolean)
    .join(", ");
}

function customText([name, { count, ids }]: readonly [string, CustomResource]): string {
  const names = ids.length === 0 ? "" : ` (${oneLine(ids.join(", "))})`;
  return `${ids.length || count} ${name}${names}`;
}
