import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Assignment, AssignmentSchema } from "../../gen/berth/v1/assignment_pb.ts";
import { ListTasksResponseSchema } from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, type TaskSpec, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import type { StartTaskRequest } from "../../gen/berth/v1/worker_service_pb.ts";
import { encodeMessage } from "../../lib/message/codec.ts";
import { createRecentMap } from "../../lib/recent-map.ts";
import { partsOf } from "./list-bytes.ts";

/** About as many specs as are on their way from a user to a worker. */
const KEPT_MAX = 5_000;

/** Larger ones are encoded each time, so that what is remembered is bounded. */
const KEPT_BYTES_MAX = 4_096;

const recent = createRecentMap<TaskSpec, Uint8Array>(KEPT_MAX);

/**
 * A spec with its length before it. All versions of a task share theirs, and it is by far the most
 * of what is written of them: it is encoded once, not each time that it goes to disk or to a worker.
 */
export function encodedSpec(spec: TaskSpec): Uint8Array {
  const known = recent.get(spec);
  if (known) return known;
  const bytes = new BinaryWriter().bytes(encodeMessage(TaskSpecSchema, spec)).finish();
  if (bytes.length <= KEPT_BYTES_MAX) recent.set(spec, bytes);
  return bytes;
}

// The numbers of fields are those of proto/berth/v1; a test compares with the encoder.
const SPEC_OF_TASK = 2;
const SPEC_OF_START = 3;

const NO_SPEC = { spec: undefined } as Pick<Task, "spec">;

/** Each as it is stored. They share their memory. */
export function encodeTasks(tasks: readonly Task[]): readonly Uint8Array[] {
  return partsOf(encodeMessage(ListTasksResponseSchema, { tasks: tasks.map(withSpecBytes) }));
}

function withSpecBytes(task: Task): Task {
  const { spec } = task;
  if (!spec) return task;
  const $unknown = [...(task.$unknown ?? []), fieldOf(SPEC_OF_TASK, spec)];
  return { ...task, ...NO_SPEC, $unknown };
}

/** A start without its spec, to be sent with it. */
export function sendWithSpec(start: StartTaskRequest, spec: TaskSpec): StartTaskRequest {
  return { ...start, $unknown: [fieldOf(SPEC_OF_START, spec)] };
}

/** An order to start goes without its spec, and with it to disk. */
export function encodeAssignment(assignment: Assignment, spec?: TaskSpec): Uint8Array {
  const { order } = assignment;
  if (order.case !== "start" || !spec) return encodeMessage(AssignmentSchema, assignment);
  const value = sendWithSpec(order.value, spec);
  return encodeMessage(AssignmentSchema, { ...assignment, order: { case: "start", value } });
}

/** An encoder takes what it does not know as it is. */
const fieldOf = (no: number, spec: TaskSpec) => ({
  no,
  wireType: WireType.LengthDelimited,
  data: encodedSpec(spec),
});
