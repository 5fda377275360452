import type { Placement } from "../gen/berth/v1/placement_pb.ts";
import type { Task, TaskSpec } from "../gen/berth/v1/task_pb.ts";
import { TaskState } from "../gen/berth/v1/task_pb.ts";
import { attemptTraceparent } from "./attempt-trace.ts";
import { attemptsOf, isLive, isWanted, type KnownAttempt } from "./live-attempts.ts";
import { restartsAfter } from "./restart.ts";
import { isCondemnedByManager } from "./vitals.ts";

/** What a worker is to do about an attempt while no manager answers. */
export type Order =
  | Readonly<{
      kind: "start";
      spec: TaskSpec;
      assigned: Placement["assigned"];
      /** See `Assignment.restarts_left`. */
      restartsLeft: number | undefined;
      /** See `StartTaskRequest.traceparent`. */
      traceparent: string;
    }>
  | Readonly<{ kind: "stop"; grace: TaskSpec["stopGrace"] }>;

/** An order, and for which attempt of which worker. */
export type OrderedAttempt = Readonly<{
  workerId: string;
  taskId: string;
  attempt: number;
  order: Order;
}>;

/**
 * All that workers can be told of a task that does without a manager's judgement, by the task alone.
 * An attempt of which nothing is said is left as it is: a worker never concludes from a gap.
 */
export const ordersOf = (task: Task): readonly OrderedAttempt[] =>
  attemptsOf(task).flatMap((known) => {
    const order = orderOf(task, known);
    const { workerId, number: attempt } = known;
    return order && workerId !== "" ? [{ workerId, taskId: task.id, attempt, order }] : [];
  });

function orderOf(task: Task, known: KnownAttempt): Order | undefined {
  const isGivenUp = known.state === TaskState.LOST;
  if (!isGivenUp && !isLive(known)) return undefined;
  if (isGivenUp || !isWanted(task, known)) return stopOf(task, known);
  return isCondemnedByManager(task, known) ? undefined : startOf(task, known);
}

/** What is not to take over is not stopped before it is a past attempt. */
function stopOf({ spec, stopGrace }: Task, { role }: KnownAttempt): Order | undefined {
  if (role === "successor") return undefined;
  return { kind: "stop", grace: stopGrace ?? spec?.stopGrace };
}

/** What ran already is started anew only where the task's policy would. */
function startOf({ spec, ...task }: Task, { role, state, attempt, number }: KnownAttempt) {
  const policy = role === "current" ? spec?.restartPolicy : undefined;
  const isRestarted = restartsAfter(policy?.mode, TaskState.FAILED);
  if (!spec || (state > TaskState.STARTING && !isRestarted)) return undefined;
  const assigned = attempt.placement?.assigned ?? {};
  const traceparent = attemptTraceparent(task, number);
  const left = restartsLeft({ spec, ...task });
  return { kind: "start", spec, assigned, restartsLeft: left, traceparent } as const;
}

/** Of restarts within a window those count that did when there was one last: some may be over. */
function restartsLeft({
  spec,
  restartCount,
  restartTimes,
}: Pick<Task, "spec" | "restartCount" | "restartTimes">): number | undefined {
  const { restartsMax, window } = spec?.restartPolicy ?? {};
  if (restartsMax === undefined) return undefined;
  return Math.max(0, restartsMax - (window ? restartTimes.length : restartCount));
}
