import type { Attempt, Task } from "../gen/berth/v1/task_pb.ts";
import { isTerminal } from "./task-state.ts";

/** How many past attempts a task remembers: enough for a person to see a pattern. */
const PAST_ATTEMPTS_MAX = 5;

/**
 * The past attempts of a task, with another one as the latest. The oldest that has ended makes
 * room: what still has to stop is not forgotten for it.
 */
export function remember(past: readonly Attempt[], attempt: Attempt): Attempt[] {
  const all = [attempt, ...past];
  if (all.length <= PAST_ATTEMPTS_MAX) return all;
  const oldest = all.findLastIndex(
    ({ status }) => status !== undefined && isTerminal(status.state),
  );
  return all.toSpliced(oldest === -1 ? all.length - 1 : oldest, 1);
}

/**
 * The task without the attempt that was to take over, if it has one: it joins the past ones, and is
 * stopped where it runs. `reason` says why it has to leave unless it has ended.
 */
export function withoutSuccessor(task: Task, reason: string): Task {
  const { successor, ...kept } = task;
  if (!successor) return task;
  const hasEnded = successor.status !== undefined && isTerminal(successor.status.state);
  const dropped: Attempt = hasEnded ? successor : { ...successor, leaveReason: reason };
  return { ...kept, pastAttempts: remember(task.pastAttempts, dropped) };
}
