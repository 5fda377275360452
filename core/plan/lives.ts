import { create } from "@bufbuild/protobuf";
import type { Placement } from "../../gen/berth/v1/placement_pb.ts";
import { AttemptStatusSchema, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { lostStatus } from "../attempt-lost.ts";
import { liveOn } from "../live-attempts.ts";
import { beginMove, handOver, withdraw } from "../move.ts";
import { observe } from "../observe.ts";
import { currentAttempt, schedule, type TaskChange } from "../task-change.ts";
import { toTimestamp } from "../time.ts";

// A plan takes tasks through the changes that the manager would make, by the same functions, and
// takes for granted that workers do as they are told.

/** The task as it is once it runs where it was placed. */
export const started = (task: Task, placement: Placement, now: number): Task =>
  running(schedule(task, placement, now).task, now);

/** The task as it is once its successor has taken over and its old container has stopped. */
export function moved(task: Task, placement: Placement, now: number): Task {
  const { number } = currentAttempt(task);
  const begun = beginMove(task, { placement, reason: "its worker drains", now }).task;
  return running(stopped(handOver(begun, now).task, number, now), now);
}

/** The task without a successor on a worker that drains. */
export function stayed(task: Task, now: number): Task {
  const number = task.successor?.number ?? 0;
  return stopped(withdraw(task, "its worker drains", now).task, number, now);
}

/** What the loss of a worker makes of a task. Undefined where it has nothing there. */
export function lost(task: Task, workerId: string, now: number): TaskChange | undefined {
  const message = `worker ${workerId} was lost`;
  let last: TaskChange | undefined;
  for (const { number, attempt } of liveOn(task, workerId)) {
    const status = lostStatus(attempt, message, now);
    const sight = { attempt: number, status, now, jitter: 0 };
    last = observe(last?.task ?? task, sight).at(-1) ?? last;
  }
  return last;
}

/** Any name will do: what counts is that there was a container, and so that it may be lost. */
const CONTAINER_ID = "planned";

const running = (task: Task, now: number): Task =>
  seen(task, { attempt: currentAttempt(task).number, state: TaskState.RUNNING, now });

const stopped = (task: Task, attempt: number, now: number): Task =>
  seen(task, { attempt, state: TaskState.STOPPED, now });

type Sight = Readonly<{ attempt: number; state: TaskState; now: number }>;

function seen(task: Task, { attempt, state, now }: Sight): Task {
  const status = create(AttemptStatusSchema, {
    ...{ state, containerId: CONTAINER_ID, ready: state === TaskState.RUNNING },
    observeTime: toTimestamp(now),
  });
  return observe(task, { attempt, status, now, jitter: 0 }).at(-1)?.task ?? task;
}
