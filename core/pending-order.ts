import type { Task } from "../gen/berth/v1/task_pb.ts";
import type { Unplaced } from "./placement/decision.ts";
import type { Demand } from "./placement/demand.ts";
import { refusalText } from "./placement-wishes.ts";

/** In which order tasks that wait are tried: the highest first; of equals the oldest, as they are. */
export const byPriority = (a: Task, b: Task): number =>
  (b.spec?.priority ?? 0) - (a.spec?.priority ?? 0);

/** Whether more than one worker's state decides which of them can take the demand. */
export const looksAtOthers = ({ spreads, near }: Demand): boolean =>
  spreads.length + near.length > 0;

/** The same of a task, without making its demand. */
export const dependsOnOthers = ({ spec }: Task): boolean =>
  spec !== undefined && spec.spreads.length + spec.taskAffinities.length > 0;

/** For people: why no worker can take a task, in the words of the worker that refused it last. */
export function whyUnplaced(task: Task, { explanation }: Unplaced, now: number): string {
  const refusal = refusalText(task, now);
  return refusal === "" ? explanation : `${explanation}; ${refusal}`;
}
