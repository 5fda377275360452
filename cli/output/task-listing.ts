import { type Task, TaskSchema } from "../../gen/berth/v1/task_pb.ts";
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
    { title: "NAME", minWidth: 12, elastic: 6, cell: nameOf },
    {
      title: "IMAGE",
      minWidth: 12,
      elastic: 8,
      keep: "end",
      cell: ({ spec }) => (trunc ? shortImage(spec?.image ?? "") : (spec?.image ?? "")),
    },
    {
      title: "STATE",
      minWidth: 18,
      cell: (task) => paintOf(task.state, colors)(stateText(task, nowMs)),
    },
    {
      title: "AGE",
      align: "right",
      only: "wide",
      cell: ({ createTime }) => formatSince(createTime, nowMs),
    },
    {
      title: "RESTARTS",
      align: "right",
      only: "wide",
      cell: ({ restartCount }) => String(restartCount),
    },
    { title: "WORKER", minWidth: 10, elastic: 8, cell: (task) => workerOf(task) || "-" },
    {
      title: "CPUS",
      align: "right",
      only: "wide",
      cell: ({ spec }) => optional(spec?.reservation?.cpuMillis, formatCpus),
    },
    {
      title: "MEMORY",
      align: "right",
      only: "wide",
      cell: ({ spec }) => optional(spec?.reservation?.memoryBytes, formatSize),
    },
    { title: "SCHEDULER", only: "wide", cell: ({ spec }) => spec?.scheduler || "default" },
    { title: "LABELS", only: "wide", cell: ({ spec }) => formatLabels(spec?.labels ?? {}) || "-" },
    { title: "PORTS", minWidth: 24, only: "wide", cell: (task) => portsText(task) || "-" },
    { title: "DETAIL", only: "wide", cell: (task) => oneLine(detailText(task, nowMs)) },
    { title: "DETAIL", only: "narrow", cell: (task) => oneLine(gistText(task, nowMs)) },
  ],
});

/** What `-o wide` has columns for, as far as there is something to say. */
const gistText = (task: Task, nowMs: number): string =>
  [restartsText(task), portsText(task), detailText(task, nowMs)].filter(Boolean).join(", ");

const restartsText = ({ restartCount }: Task): string =>
  restartCount === 0 ? "" : `${restartCount} ${restartCount === 1 ? "restart" : "restarts"}`;

const optional = (value: bigint | undefined, format: (value: bigint) => string): string =>
  value === undefined ? "-" : format(value);
