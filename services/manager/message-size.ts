import { toBinary } from "@bufbuild/protobuf";
import { type Task, type TaskSpec, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";

/** How much of one message is filled: a quarter of what a receiver accepts (4 MiB). */
export const MESSAGE_BYTES_MAX = 1 << 20;

/** What a task takes beside its spec, its past attempts and an event included; generous. */
const TASK_BYTES = 4_096;

/** Specs are shared by all versions of a task, so each is measured once. */
const sizes = new WeakMap<TaskSpec, number>();

export function specBytes(spec: TaskSpec | undefined): number {
  if (!spec) return 0;
  const known = sizes.get(spec);
  if (known !== undefined) return known;
  const size = toBinary(TaskSpecSchema, spec).length;
  sizes.set(spec, size);
  return size;
}

/** About how many bytes a task takes in a message. */
export const taskBytes = (task: Task): number => TASK_BYTES + specBytes(task.spec);
