import { TaskState } from "../gen/berth/v1/task_pb.ts";

// Written down here once more: core's own words may have the bug that is looked for.

export const isOver = (state: TaskState): boolean => state >= TaskState.COMPLETED;

export const nameOf = (state: TaskState): string => TaskState[state]?.toLowerCase() ?? "unknown";
