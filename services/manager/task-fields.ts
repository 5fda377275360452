import { attemptTrace } from "../../core/attempt-trace.ts";
import { workerOf } from "../../core/task-change.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";

/** How log lines name a task and the attempt that counts. */
export function taskFields(task: Task) {
  const attempt = task.attempt?.number ?? 0;
  const workerId = workerOf(task);
  const trace = attemptTrace(task, attempt);
  return {
    taskId: task.id,
    attempt,
    ...(workerId !== "" && { workerId }),
    ...(trace && { traceId: trace.traceId }),
  };
}
