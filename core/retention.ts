import type { Task } from "../gen/berth/v1/task_pb.ts";
import { isTerminal } from "./task-state.ts";

/** How long what is over is remembered. */
export type Retention = Readonly<{
  /** Time from a finished task's last change to its removal. Infinity: it stays. */
  finishedMs: number;
  /** The latest events of a task that are kept. */
  eventsMax: number;
  /** How long a removed task is kept for questions about the past. Infinity: as long as there is room. */
  historyMs: number;
  /** The latest removed tasks that are kept for that. */
  removedMax: number;
}>;

/** A day: who comes back in the morning still finds how the night's tasks ended. */
export const RETENTION_DEFAULT: Retention = {
  finishedMs: 24 * 3_600_000,
  eventsMax: 1_000,
  historyMs: 24 * 3_600_000,
  removedMax: 20_000,
};

/** At some two kilobytes each, more would make what is gone the better part of the store. */
export const REMOVED_MAX = 1_000_000;

/** A task removed sooner could not tell the one who waits for it how it ended. */
export const FINISHED_MS_MIN = 1_000;

/** Below this the history of one attempt would not be whole. */
export const EVENTS_MIN = 10;

/** At a few hundred bytes each, more would make one task the better part of the store. */
export const EVENTS_MAX = 1_000_000;

/** Whether a task has ended and nothing follows: no restart, no other attempt. */
export const isFinished = ({ state, successor }: Task): boolean =>
  isTerminal(state) && successor === undefined;
