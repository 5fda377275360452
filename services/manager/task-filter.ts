import { workerOf } from "../../core/task-change.ts";
import { stateName } from "../../core/task-state.ts";
import type { TaskFilter } from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { invalidFields } from "../../lib/errors.ts";

/** Whether a task is meant. Throws INVALID_ARGUMENT for a state that none can be in. */
export function createTaskFilter(filter: TaskFilter | undefined): (task: Task) => boolean {
  if (!filter) return () => true;
  const { workerId, name } = filter;
  const states = new Set(filter.states);
  const labels = Object.entries(filter.labels);
  if (states.has(TaskState.UNSPECIFIED)) {
    const known = stateName(TaskState.RUNNING);
    const description = `has an unspecified state: name one, such as ${known}`;
    throw invalidFields([{ field: "filter.states", description }]);
  }
  return (task) =>
    (states.size === 0 || states.has(task.state)) &&
    (workerId === "" || workerOf(task) === workerId) &&
    (name === "" || task.spec?.name === name) &&
    labels.every(([key, value]) => task.spec?.labels[key] === value);
}
