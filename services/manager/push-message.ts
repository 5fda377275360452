import type { MessageInitShape } from "@bufbuild/protobuf";
import { attemptTraceparent } from "../../core/attempt-trace.ts";
import { findAttempt, isWanted } from "../../core/live-attempts.ts";
import type { Push } from "../../core/reconcile.ts";
import { isCondemnedByManager } from "../../core/vitals.ts";
import type { Placement } from "../../gen/berth/v1/placement_pb.ts";
import {
  FailureReason,
  type FailureSchema,
  type Task,
  type TaskSpec,
} from "../../gen/berth/v1/task_pb.ts";
import type { PushTasksRequestSchema } from "../../gen/berth/v1/worker_service_pb.ts";
import { chunks } from "../../lib/chunks.ts";
import type { Ledger } from "./ledger.ts";
import { idsBytes, MESSAGE_BYTES_MAX, specBytes } from "./message-size.ts";

/** One message for pushes of any kind, filled from the ledger as it is when the message is made. */
export function pushMessage(
  pushes: readonly Push[],
  ledger: Ledger,
): MessageInitShape<typeof PushTasksRequestSchema> {
  const ofKind = (kind: Push["kind"]) => pushes.filter((push) => push.kind === kind);
  const fence = { epoch: ledger.epoch, clusterId: ledger.clusterId };

  const stopRequest = (push: Push) => {
    const task = ledger.tasks.get(push.taskId);
    const grace = task?.stopGrace ?? task?.spec?.stopGrace;
    const failure = task && failureOf(task, push.attempt);
    return { ...nameOf(push), ...fence, ...(grace && { grace }), ...(failure && { failure }) };
  };

  /** Nothing, when the task has gone or moved on since. */
  const startRequest = (push: Push) => {
    const job = jobOf(push, ledger);
    return job ? [{ ...nameOf(push), ...fence, ...job }] : [];
  };

  return {
    stops: ofKind("stop").map(stopRequest),
    starts: ofKind("start").flatMap(startRequest),
    forgets: ofKind("forget").map((push) => ({ ...nameOf(push), ...fence })),
  };
}

/** Why an attempt is ended that is wanted all the same. */
function failureOf(task: Task, number: number): MessageInitShape<typeof FailureSchema> | undefined {
  const known = findAttempt(task, number);
  if (!known || !isWanted(task, known) || !isCondemnedByManager(task, known)) return undefined;
  const message = known.attempt.status?.probeMessage || "a probe failed for good";
  return { reason: FailureReason.UNHEALTHY, message };
}

/** What one message carries at most. */
const MESSAGE_ENTRIES_MAX = 500;

/** Parts that each fit into one message. */
export const messageParts = (pushes: readonly Push[], ledger: Ledger) =>
  chunks(pushes, {
    entriesMax: MESSAGE_ENTRIES_MAX,
    bytesMax: MESSAGE_BYTES_MAX,
    sizeOf: (push) => (push.kind === "start" ? jobBytes(jobOf(push, ledger)) : 0),
  });

const jobBytes = (job: Job | undefined): number =>
  job ? specBytes(job.spec) + idsBytes(job.assigned) : 0;

type Job = Readonly<{ spec: TaskSpec; assigned: Placement["assigned"]; traceparent: string }>;

/**
 * What an attempt is to run, which of its worker's things it was given, and in which span.
 * Undefined when nobody wants it any more.
 */
export function jobOf({ taskId, attempt }: Push, ledger: Ledger): Job | undefined {
  const task = ledger.tasks.get(taskId);
  const known = task && findAttempt(task, attempt);
  if (!known || !task.spec || !isWanted(task, known)) return undefined;
  const traceparent = attemptTraceparent(task, attempt);
  return { spec: task.spec, assigned: known.attempt.placement?.assigned ?? {}, traceparent };
}

const nameOf = ({ taskId, attempt }: Push) => ({ taskId, attempt });
