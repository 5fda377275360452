import { labelsOf } from "../../core/worker-settings.ts";
import { type Worker, WorkerSchema, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import type { Colors } from "./colors.ts";
import { formatLabels, formatSince, oneLine } from "./format.ts";
import type { Listing } from "./listing.ts";
import { availabilityText } from "./worker-listing.ts";

type Options = Readonly<{
  colors: Colors;
  /** The moment that is shown. */
  nowMs: number;
  /** How many attempts each worker had, by its ID. */
  taskCounts: ReadonlyMap<string, number>;
}>;

/** How workers of the past are listed: nothing was measured, and nobody has a link to them. */
export const pastWorkerListing = ({
  colors,
  nowMs,
  taskCounts,
}: Options): Listing<typeof WorkerSchema> => ({
  schema: WorkerSchema,
  nameOf: ({ id }) => id,
  columns: [
    { title: "ID", cell: ({ id }) => id },
    { title: "STATE", cell: (worker) => colorOf(worker, colors)(pastStateText(worker)) },
    {
      title: "FOR",
      align: "right",
      cell: ({ presence }) => formatSince(presence?.stateTime, nowMs),
    },
    { title: "TASKS", align: "right", cell: ({ id }) => String(taskCounts.get(id) ?? 0) },
    { title: "ADDRESS", cell: ({ presence }) => oneLine(presence?.description?.address ?? "-") },
    {
      title: "VERSION",
      only: "wide",
      cell: ({ presence }) => oneLine(presence?.description?.version ?? "-"),
    },
    {
      title: "LABELS",
      only: "wide",
      cell: (worker) => oneLine(formatLabels(labelsOf(worker))) || "-",
    },
    {
      title: "REASON",
      cell: ({ presence, settings }) => oneLine(settings?.reason || presence?.reason || "-"),
    },
  ],
});

const colorOf = (worker: Worker, colors: Colors) => {
  if (worker.presence?.state !== WorkerState.UP) return colors.bad;
  return availabilityText(worker) === "" ? colors.good : colors.moving;
};

/** What it was, and what operators had decided: `up`, `up, paused`, `down`. */
const pastStateText = (worker: Worker): string =>
  [workerStateName(worker.presence?.state), availabilityText(worker)].filter(Boolean).join(", ");

export const workerStateName = (state: WorkerState | undefined): string =>
  (WorkerState[state ?? 0] ?? "unknown").toLowerCase();
