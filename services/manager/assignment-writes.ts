import { assignmentsPrefix } from "../../core/assignment-place.ts";
import { type Order, type OrderedAttempt, ordersOf } from "../../core/assignments.ts";
import { AssignmentSchema } from "../../gen/berth/v1/assignment_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { encodeMessage } from "../../lib/message/codec.ts";
import type { Write } from "../../lib/store/store.ts";
import { deleteKey } from "./ledger-records.ts";

const NONE: readonly Write[] = [];

/**
 * What a change of a task means for what workers read: mostly nothing, for an order stays as it is
 * while its attempt starts and runs. Undefined where there was, or is, no such task.
 */
export function assignmentWrites(
  before: Task | undefined,
  after: Task | undefined,
): readonly Write[] {
  const had = before ? ordersOf(before) : [];
  const has = after ? ordersOf(after) : [];
  if (had.length === 0 && has.length === 0) return NONE;
  const kept = new Map(had.map((each) => [keyOf(each), each.order]));
  const gone = new Set(kept.keys());
  const puts = has.flatMap((each) => {
    const key = keyOf(each);
    gone.delete(key);
    const known = kept.get(key);
    return known && isSame(known, each.order) ? [] : [put(key, each)];
  });
  return [...puts, ...[...gone].map(deleteKey)];
}

/** All that workers read about a task. */
export const assignmentsOf = (task: Task): readonly Write[] => assignmentWrites(undefined, task);

const keyOf = ({ workerId, taskId, attempt }: OrderedAttempt): string =>
  `${assignmentsPrefix(workerId)}${taskId}/${attempt}`;

/** Of one attempt. What it runs, and what it was given to run with, never changes. */
function isSame(a: Order, b: Order): boolean {
  if (a.kind === "start") return b.kind === "start" && a.restartsLeft === b.restartsLeft;
  if (b.kind === "start") return false;
  return a.grace?.seconds === b.grace?.seconds && a.grace?.nanos === b.grace?.nanos;
}

function put(key: string, { taskId, attempt, order }: OrderedAttempt): Write {
  return { kind: "put", key, value: encoded({ taskId, attempt }, order) };
}

function encoded(name: Readonly<{ taskId: string; attempt: number }>, order: Order): Uint8Array {
  if (order.kind === "stop") {
    const { grace } = order;
    const value = { ...name, ...(grace && { grace }) };
    return encodeMessage(AssignmentSchema, { order: { case: "stop", value } });
  }
  const { spec, assigned, restartsLeft, traceparent } = order;
  const value = { ...name, assigned, traceparent, ...(spec && { spec }) };
  const left = restartsLeft === undefined ? {} : { restartsLeft };
  return encodeMessage(AssignmentSchema, { order: { case: "start", value }, ...left });
}
