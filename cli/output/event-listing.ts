import { stateName } from "../../core/task-state.ts";
import { type TaskEvent, TaskEventSchema } from "../../gen/berth/v1/task_event_pb.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { type Colors, paintOf } from "./colors.ts";
import { formatTime, oneLine } from "./format.ts";
import type { Listing } from "./listing.ts";

/** How events are listed. */
export const eventListing = (colors: Colors): Listing<typeof TaskEventSchema> => ({
  schema: TaskEventSchema,
  nameOf: ({ revision }) => String(revision),
  columns: [
    { title: "TIME", only: "wide", cell: ({ time }) => formatTime(time), minWidth: 24 },
    {
      title: "TIME",
      only: "narrow",
      cell: ({ time }) => inSeconds(formatTime(time)),
      minWidth: 20,
    },
    { title: "TASK", cell: ({ taskId }) => taskId, minWidth: 16 },
    { title: "ATTEMPT", align: "right", only: "wide", cell: ({ attempt }) => String(attempt) },
    {
      title: "STATE",
      only: "wide",
      cell: (event) => paintOf(event.toState, colors)(transition(event)),
      minWidth: 21,
    },
    {
      title: "STATE",
      only: "narrow",
      cell: ({ toState }) => paintOf(toState, colors)(stateName(toState)),
      minWidth: 9,
    },
    { title: "WORKER", elastic: 8, cell: ({ workerId }) => workerId || "-", minWidth: 10 },
    { title: "REASON", cell: ({ reason }) => oneLine(reason) },
  ],
});

/** Without the milliseconds. */
const inSeconds = (time: string): string => time.replace(/\.\d+Z$/, "Z");

function transition({ fromState, toState }: TaskEvent): string {
  if (fromState === toState || fromState === TaskState.UNSPECIFIED) return stateName(toState);
  return `${stateName(fromState)} → ${stateName(toState)}`;
}
