import { TaskSchema } from "../../gen/berth/v1/task_pb.ts";
import { type Colors, paintOf } from "./colors.ts";
import {
  formatCpus,
  formatLabels,
  formatSince,
  formatSize,
  oneLine,
  shortImage,
} from "./format.ts";
import type { Listing } from "./listing.ts";
import { detailText, nameOf, portsText, stateText, workerOf } from "./task-text.ts";

type Options = Readonly<{ colors: Colors; nowMs: number; trunc: boolean }>;

/** How tasks are listed at the time `nowMs`. */
export const taskListing = ({ colors, nowMs, trunc }: Options): Listing<typeof TaskSchema> => ({
  schema: TaskSchema,
  nameOf: ({ id }) => id,
  columns: [
    { title: "ID", minWidth: 16, cell: ({ id }) => id },
    { title: "NAME", minWidth: 16, cell: nameOf },
    {
      title: "IMAGE",
      minWidth: 20,
      cell: ({ spec }) => (trunc ? shortImage(spec?.image ?? "") : (spec?.image ?? "")),
    },
    {
      title: "STATE",
      minWidth: 18,
      cell: (task) => paintOf(task.state, colors)(stateText(task, nowMs)),
    },
    { title: "AGE", align: "right", cell: ({ createTime }) => formatSince(createTime, nowMs) },
    { title: "RESTARTS", align: "right", cell: ({ restartCount }) => String(restartCount) },
    { title: "WORKER", minWidth: 12, cell: (task) => workerOf(task) || "-" },
    {
      title: "CPUS",
      align: "right",
      wide: true,
      cell: ({ spec }) => optional(spec?.reservation?.cpuMillis, formatCpus),
    },
    {
      title: "MEMORY",
      align: "right",
      wide: true,
      cell: ({ spec }) => optional(spec?.reservation?.memoryBytes, formatSize),
    },
    { title: "SCHEDULER", wide: true, cell: ({ spec }) => spec?.scheduler || "default" },
    { title: "LABELS", wide: true, cell: ({ spec }) => formatLabels(spec?.labels ?? {}) || "-" },
    { title: "PORTS", minWidth: 24, cell: (task) => portsText(task) || "-" },
    { title: "DETAIL", cell: (task) => oneLine(detailText(task, nowMs)) },
  ],
});

const optional = (value: bigint | undefined, format: (value: bigint) => string): string =>
  value === undefined ? "-" : format(value);
