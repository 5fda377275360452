import { assignmentsPrefix, metaKeys, RESTORED_STEPS } from "../../core/assignment-place.ts";
import { type Assignment, AssignmentSchema } from "../../gen/berth/v1/assignment_pb.ts";
import type {
  StartTaskRequest,
  WorkerServiceStopTaskRequest,
} from "../../gen/berth/v1/worker_service_pb.ts";
import type { Log } from "../../lib/log.ts";
import { decodeMessage } from "../../lib/message/codec.ts";
import { refuseUnknown } from "../../lib/rpc/unknown-fields.ts";
import type { Entry } from "../../lib/store/store.ts";
import type { Glance, StoreView } from "../../lib/store/store-view.ts";
import type { Fence } from "./identity.ts";

/** What the store says that a worker is to do. */
export type Reading =
  | Readonly<{
      kind: "orders";
      starts: readonly StartOrder[];
      stops: readonly WorkerServiceStopTaskRequest[];
      /** Whom the worker obeys that follows them. */
      fence: Fence;
      /** Whether a manager led at that moment, though it is not in touch. */
      isLed: boolean;
      moment: bigint;
    }>
  /** It is not to be believed, and why. */
  | Readonly<{ kind: "doubtful"; reason: string }>;

/** A start, and how often it may be repeated; undefined: as often as the spec's policy wants. */
export type StartOrder = Readonly<{ request: StartTaskRequest; restartsLeft: number | undefined }>;

/** What the worker knows by itself, against which the store is held. */
export type Own = Readonly<{
  workerId: string;
  /** Whom it has obeyed last. */
  fence: Fence;
  /** Of the latest look that was believed. */
  moment: bigint;
}>;

const KEYS = [metaKeys.clusterId, metaKeys.epoch, metaKeys.assignments];

export async function readAssignments(view: StoreView, own: Own, log: Log): Promise<Reading> {
  const glance = await view.look(KEYS, assignmentsPrefix(own.workerId));
  const epoch = BigInt(textOf(glance, metaKeys.epoch) || 0);
  const reason = doubtOf(glance, epoch, own);
  if (reason !== undefined) return { kind: "doubtful", reason };
  const fence = { clusterId: own.fence.clusterId, epoch };
  const orders = glance.listed.flatMap((entry) => orderIn(entry, own.workerId, log));
  const starts = orders.flatMap(({ order, restartsLeft }) =>
    order.case === "start" ? [{ request: { ...order.value, ...fence }, restartsLeft }] : [],
  );
  const stops = orders.flatMap(({ order }) =>
    order.case === "stop" ? [{ ...order.value, ...fence }] : [],
  );
  const { isLed, moment } = glance;
  return { kind: "orders", starts, stops, fence, isLed, moment };
}

/**
 * Why a store is not to be believed. What is said of it must be of the latest leader, and nothing
 * of what this worker has seen may be missing in it: what was restored from a backup has to be
 * gone through by a manager first.
 */
function doubtOf(glance: Glance, epoch: bigint, { fence, moment }: Own): string | undefined {
  const clusterId = textOf(glance, metaKeys.clusterId);
  if (clusterId === "") return "it holds no cluster";
  if (clusterId !== fence.clusterId) return `it holds cluster ${clusterId}, not ${fence.clusterId}`;
  if (epoch < fence.epoch) return `it is of epoch ${epoch}, and this worker knows ${fence.epoch}`;
  if (epoch >= fence.epoch + RESTORED_STEPS) return "it was restored, and no manager has led since";
  if (glance.moment < moment) return "it is of an earlier moment than was seen: was it restored?";
  const kept = textOf(glance, metaKeys.assignments);
  if (kept !== String(epoch)) return `its assignments are of epoch ${kept || 0}, not ${epoch}`;
  return undefined;
}

function textOf({ entries }: Glance, key: string): string {
  const entry = entries.get(key);
  return entry ? new TextDecoder().decode(entry.value) : "";
}

/** What a later version wrote that this one does not understand is left to a manager. */
function orderIn({ key, value }: Entry, workerId: string, log: Log): readonly Assignment[] {
  try {
    const assignment = decodeMessage(AssignmentSchema, value);
    refuseUnknown(AssignmentSchema, assignment);
    const { order } = assignment;
    if (order.case && key === `${assignmentsPrefix(workerId)}${nameOf(order.value)}`)
      return [assignment];
    log.warn({ key }, "assignment is not what its place says");
  } catch (err) {
    log.warn({ key, err }, "assignment not understood");
  }
  return [];
}

const nameOf = ({ taskId, attempt }: Readonly<{ taskId: string; attempt: number }>) =>
  `${taskId}/${attempt}`;
