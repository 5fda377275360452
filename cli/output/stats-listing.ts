import {
  type TaskStats,
  TaskStatsSchema,
  type TaskStatsWarning,
} from "../../gen/berth/v1/task_stats_pb.ts";
import { formatSize, oneLine } from "./format.ts";
import type { Listing } from "./listing.ts";

/** How what tasks use is listed. */
export const statsListing: Listing<typeof TaskStatsSchema> = {
  schema: TaskStatsSchema,
  nameOf: ({ taskId }) => taskId,
  columns: [
    { title: "ID", minWidth: 16, cell: ({ taskId }) => taskId },
    { title: "NAME", minWidth: 8, elastic: 8, cell: ({ taskName, taskId }) => taskName || taskId },
    { title: "WORKER", minWidth: 12, only: "wide", cell: ({ workerId }) => workerId },
    { title: "ATTEMPT", align: "right", only: "wide", cell: ({ attempt }) => String(attempt) },
    { title: "CPU", align: "right", minWidth: 6, cell: cpuText },
    { title: "MEMORY", align: "right", minWidth: 15, cell: memoryText },
    {
      title: "WITH FILES",
      align: "right",
      only: "wide",
      cell: ({ memoryUsageBytes }) => formatSize(memoryUsageBytes),
    },
    { title: "NET IN/OUT", align: "right", minWidth: 15, cell: networkText },
    { title: "DISK R/W", align: "right", only: "wide", minWidth: 17, cell: diskText },
    { title: "PIDS", align: "right", cell: ({ processCount }) => String(processCount) },
  ],
};

/** Of one CPU; a dash where there is one measurement only. */
function cpuText({ cpuPercent }: TaskStats): string {
  return cpuPercent === undefined ? "-" : `${cpuPercent.toFixed(1)}%`;
}

function memoryText({ memoryBytes, memoryLimitBytes }: TaskStats): string {
  const limit = memoryLimitBytes === 0n ? "" : `/${formatSize(memoryLimitBytes)}`;
  return formatSize(memoryBytes) + limit;
}

function networkText({ networkReceiveBytes, networkTransmitBytes }: TaskStats): string {
  if (networkReceiveBytes === undefined || networkTransmitBytes === undefined) return "-";
  return `${formatSize(networkReceiveBytes)}/${formatSize(networkTransmitBytes)}`;
}

function diskText({ blockReadBytes, blockWriteBytes }: TaskStats): string {
  return `${formatSize(blockReadBytes)}/${formatSize(blockWriteBytes)}`;
}

/** One line for a person: `worker-2: is down: lease expired`. */
export const statsWarningText = ({ taskId, workerId, message }: TaskStatsWarning): string =>
  oneLine([taskId && `task ${taskId}`, workerId, message].filter(Boolean).join(": "));
