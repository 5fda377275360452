import { create, fromJson, toJson } from "@bufbuild/protobuf";
import { ASSIGNMENTS } from "../../core/assignment-place.ts";
import type { WorkerRecord } from "../../core/worker-settings.ts";
import {
  ListTaskEventsResponseSchema,
  ListTasksResponseSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import {
  type RemovedTask,
  RemovedTaskSchema,
  type TaskVersion,
  TaskVersionSchema,
  TaskVersionsSchema,
} from "../../gen/berth/v1/past_pb.ts";
import { type TaskEvent, TaskEventSchema } from "../../gen/berth/v1/task_event_pb.ts";
import { type Task, TaskSchema } from "../../gen/berth/v1/task_pb.ts";
import { WorkerSettingsSchema } from "../../gen/berth/v1/worker_pb.ts";
import { decodeMessage, encodeMessage } from "../../lib/message/codec.ts";
import type { Entry, Write } from "../../lib/store/store.ts";
import { partsOf } from "./list-bytes.ts";

/** Where everything of the ledger lies in the store. Keys of one prefix are in the order of time. */
export const prefixes = {
  /** `<task ID>` → Task. */
  task: "task/",
  /** `<revision>` → TaskEvent. */
  event: "event/",
  /** `<task ID>/<revision>` → TaskVersion: which events are of a task, and how each left it. */
  taskEvent: "task-event/",
  /** `<task ID>` → RemovedTask: the task is gone, its events are kept for questions about the past. */
  removed: "removed/",
  /** `<task ID>` → the revision of its removal, as versions before the time travel left it. */
  sweep: "sweep/",
  /** `<task ID>/<attempt>` → CrashReport. */
  crash: "crash/",
  /** `<worker ID>,<time>` → WorkerVersion. The comma comes before all that an ID has. */
  workerPast: "worker-past/",
  /** `<request ID>` → RequestRecord. */
  request: "request/",
  /** `<worker ID>` → WorkerRecord. */
  worker: "worker/",
  /** See core. Only in stores that workers can read. */
  assignment: ASSIGNMENTS,
} as const;

/** What a mutating request did, kept so that its repetition does nothing. */
export type RequestRecord = Readonly<{
  requestId: string;
  /** Tells another request with the same ID: a hash of the method and its input. */
  digest: string;
  /** The task or the worker that the request was about; empty where it was about neither. */
  taskId: string;
  /** What was answered, as JSON, where that cannot be told from what there is now. */
  answer?: string;
  /** Milliseconds since the Unix epoch. */
  expireMs: number;
}>;

/** Revisions as keys: fixed width, so that the order of bytes is the order of numbers. */
export const revisionKey = (revision: bigint): string => revision.toString(16).padStart(16, "0");

export const REVISION_KEY = /^[0-9a-f]{16}$/;

export const putTasks = (tasks: readonly Task[]): readonly Write[] =>
  putAll(
    tasks.map(({ id }) => prefixes.task + id),
    partsOf(encodeMessage(ListTasksResponseSchema, { tasks: [...tasks] })),
  );

const putAll = (keys: readonly string[], values: readonly Uint8Array[]): readonly Write[] =>
  keys.map((key, index) => ({ kind: "put", key, value: values[index] ?? NOTHING }));

const NOTHING = new Uint8Array();

export const deleteKey = (key: string): Write => ({ kind: "delete", key });

export function putEvents(events: readonly TaskEvent[]): readonly Write[] {
  return putAll(
    events.map(({ revision }) => prefixes.event + revisionKey(revision)),
    partsOf(encodeMessage(ListTaskEventsResponseSchema, { events: [...events] })),
  );
}

export const versionsOf = (taskId: string): string => `${prefixes.taskEvent}${taskId}/`;

/** How a change left its task. After its removal there is no version. */
export type VersionEntry = Readonly<{
  taskId: string;
  revision: bigint;
  version: TaskVersion | undefined;
}>;

export function putVersions(entries: readonly VersionEntry[]): readonly Write[] {
  const versions = entries.flatMap(({ version }) => version ?? []);
  const values = partsOf(encodeMessage(TaskVersionsSchema, { versions })).values();
  return putAll(
    entries.map(({ taskId, revision }) => versionsOf(taskId) + revisionKey(revision)),
    entries.map(({ version }) => (version && values.next().value) || NOTHING),
  );
}

export const encodeVersion = (version: TaskVersion): Uint8Array =>
  encodeMessage(TaskVersionSchema, version);

/** The revision that a version's key ends with. */
export const readRevision = ({ key }: Pick<Entry, "key">): bigint =>
  BigInt(`0x${key.slice(key.lastIndexOf("/") + 1)}`);

/** Undefined after a removal, and where an earlier version of Berth wrote none. */
export const readVersion = ({ value }: Pick<Entry, "value">): TaskVersion | undefined =>
  value.length === 0 ? undefined : decodeMessage(TaskVersionSchema, value);

export function putRemoved({ id, spec }: Task, event: TaskEvent): Write {
  const task = create(TaskSchema, { id, ...(spec && { spec: { ...spec, env: {} } }) });
  const value = encodeMessage(RemovedTaskSchema, { task, event });
  return { kind: "put", key: prefixes.removed + id, value };
}

export const readRemoved = ({ value }: Pick<Entry, "value">): RemovedTask =>
  decodeMessage(RemovedTaskSchema, value);

export const putText = (key: string, text: string): Write => ({
  kind: "put",
  key,
  value: new TextEncoder().encode(text),
});

export const putRequest = ({ requestId, ...record }: RequestRecord): Write =>
  putText(prefixes.request + requestId, JSON.stringify(record));

export const putWorker = (workerId: string, { settings, drainStartMs }: WorkerRecord): Write =>
  putText(
    prefixes.worker + workerId,
    JSON.stringify({ settings: toJson(WorkerSettingsSchema, settings), drainStartMs }),
  );

export function readWorker({ key, value }: Entry): readonly [string, WorkerRecord] {
  const { settings, drainStartMs } = JSON.parse(new TextDecoder().decode(value));
  const record = { settings: fromJson(WorkerSettingsSchema, settings), drainStartMs };
  return [key.slice(prefixes.worker.length), record];
}

export const readTask = ({ value }: Entry): Task => decodeMessage(TaskSchema, value);

export const readEvent = ({ value }: Entry): TaskEvent => decodeMessage(TaskEventSchema, value);

export const readText = (entry: Entry | undefined): string | undefined =>
  entry && new TextDecoder().decode(entry.value);

export const readRequest = (entry: Entry): RequestRecord => ({
  ...JSON.parse(new TextDecoder().decode(entry.value)),
  requestId: entry.key.slice(prefixes.request.length),
});
