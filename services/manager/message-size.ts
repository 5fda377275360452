import type { Resources } from "../../gen/berth/v1/resources_pb.ts";
import { type Task, type TaskSpec, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { encodeMessage } from "../../lib/message/codec.ts";

/** How much of one message is filled: a quarter of what a receiver accepts (4 MiB). */
export const MESSAGE_BYTES_MAX = 1 << 20;

/** What a task takes beside its spec, its past attempts and an event included; generous. */
const TASK_BYTES = 5_120;

/** What a worker takes beside its custom resources; generous. */
const WORKER_BYTES = 4_096;

/** The mark and the length of a text. */
const TEXT_BYTES = 4;

/** Specs are shared by all versions of a task, so each is measured once. */
const sizes = new WeakMap<TaskSpec, number>();

export function specBytes(spec: TaskSpec | undefined): number {
  if (!spec) return 0;
  const known = sizes.get(spec);
  if (known !== undefined) return known;
  const size = encodeMessage(TaskSpecSchema, spec).length + TEXT_BYTES;
  sizes.set(spec, size);
  return size;
}

/** About how many bytes a task takes in a message. */
export const taskBytes = (task: Task): number =>
  TASK_BYTES + specBytes(task.spec) + (hasCustom(task) ? allAssignedBytes(task) : 0);

const hasCustom = ({ spec }: Task): boolean =>
  Object.keys(spec?.reservation?.custom ?? {}).length > 0;

const allAssignedBytes = ({ attempt, successor, pastAttempts }: Task): number =>
  [attempt, successor, ...pastAttempts]
    .map((each) => idsBytes(each?.placement?.assigned ?? {}))
    .reduce((sum, bytes) => sum + bytes, 0);

/**
 * About how many bytes a worker of this capacity takes in a message: its custom resources stand
 * there as what it has, as what is offered and, at most all, as what is taken.
 */
export const workerBytes = (capacity: Resources | undefined): number =>
  WORKER_BYTES + 3 * idsBytes(capacity?.custom ?? {});

/** About how many bytes a map of named things takes. */
export const idsBytes = (
  map: Readonly<Record<string, Readonly<{ ids: readonly string[] }>>>,
): number =>
  Object.entries(map).reduce(
    (sum, [name, { ids }]) =>
      ids.reduce((bytes, id) => bytes + TEXT_BYTES + id.length, sum + TEXT_BYTES + name.length),
    0,
  );
