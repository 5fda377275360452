import { create } from "@bufbuild/protobuf";
import { type GoodRun, GoodRunSchema } from "../gen/berth/v1/crash_report_pb.ts";
import { type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { endMs, ranStably, STABLE_RUN_MS } from "./attempt-history.ts";
import { attemptsOf, type KnownAttempt } from "./live-attempts.ts";
import { isTerminal } from "./task-state.ts";
import { toMillis } from "./time.ts";

/**
 * The latest attempt of a task that ran well, as far as the task remembers: of those up to number
 * `upTo`, where that is given.
 */
export function goodRunOf(
  task: Task,
  now: number,
  upTo = Number.POSITIVE_INFINITY,
): GoodRun | undefined {
  const good = attemptsOf(task)
    .filter((known) => known.number <= upTo && ranWell(known, now))
    .toSorted((a, b) => lastMs(b, now) - lastMs(a, now))[0];
  return good && goodRun(task.id, good);
}

/** When a good run was good last: the later one tells more. */
export const goodRunMs = ({ finishTime }: GoodRun, now: number): number =>
  finishTime ? toMillis(finishTime) : now;

/** Whether an attempt completed, or has run for so long that nothing was wrong with it at first. */
function ranWell({ state, attempt }: KnownAttempt, now: number): boolean {
  if (state === TaskState.COMPLETED) return true;
  if (isTerminal(state)) return ranStably(attempt);
  const startTime = attempt.status?.startTime;
  const isRunning = state === TaskState.RUNNING && startTime !== undefined;
  return isRunning && now - toMillis(startTime) >= STABLE_RUN_MS;
}

const lastMs = ({ state, attempt }: KnownAttempt, now: number): number =>
  isTerminal(state) ? endMs(attempt) : now;

function goodRun(taskId: string, { number, workerId, attempt, state }: KnownAttempt): GoodRun {
  const { startTime, finishTime, observeTime, imageId = "", engine = "" } = attempt.status ?? {};
  const endTime = isTerminal(state) ? (finishTime ?? observeTime) : undefined;
  return create(GoodRunSchema, {
    ...{ taskId, attempt: number, workerId, imageId, engine },
    ...(startTime && { startTime }),
    ...(endTime && { finishTime: endTime }),
  });
}
