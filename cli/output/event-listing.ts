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
    { title: "TIME", cell: ({ time }) => formatTime(time), minWidth: 24 },
    { title: "TASK", cell: ({ taskId }) => taskId, minWidth: 16 },
    { title: "ATTEMPT", align: "right", cell: ({ attempt }) => String(attempt) },
    {
      title: "STATE",
      cell: (event) => paintOf(event.toState, colors)(transition(event)),
      minWidth: 21,
    },
    { title: "WORKER", cell: ({ workerId }) => workerId || "-", minWidth: 12 },
    { title: "REASON", cell: ({ reason }) => oneLine(reason) },
  ],
});

function transition({ fromState, toState }: TaskEvent): string {
  if (fromState === toState || fromState === TaskState.UNSPECIFIED) return stateName(toState);
  return `${stateName(fromState)} → ${stateName(toState)}`;
}
