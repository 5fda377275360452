import { create, equals } from "@bufbuild/protobuf";
import {
  DifferenceKind,
  type TaskDifference,
  TaskDifferenceSchema,
  type TaskSituation,
  TaskSituationSchema,
  type WorkerDifference,
  WorkerDifferenceSchema,
  type WorkerSituation,
  WorkerSituationSchema,
} from "../gen/berth/v1/past_pb.ts";
import type { Task } from "../gen/berth/v1/task_pb.ts";
import { type Worker, WorkerSettingsSchema } from "../gen/berth/v1/worker_pb.ts";
import { workerOf } from "./task-change.ts";

/** A thing at two times; undefined where it was not there. */
type Pair<T> = Readonly<{ from: T | undefined; to: T | undefined }>;

/** Whether something is different that has this name. */
type Found = readonly (readonly [DifferenceKind, boolean])[];

/** What is different about a task between two times. Undefined where nothing is. */
export function taskDifference({ from, to }: Pair<Task>): TaskDifference | undefined {
  const task = to ?? from;
  if (!task || from?.revision === to?.revision) return undefined;
  return create(TaskDifferenceSchema, {
    taskId: task.id,
    taskName: task.spec?.name ?? "",
    kinds: kindsOf({ from, to }, taskChanges),
    ...(from && { from: taskSituation(from) }),
    ...(to && { to: taskSituation(to) }),
  });
}

/** A task that was not there at either time, but between. */
export const passingTask = (taskId: string, taskName: string): TaskDifference =>
  create(TaskDifferenceSchema, {
    taskId,
    taskName,
    kinds: [DifferenceKind.CAME, DifferenceKind.WENT],
  });

const taskChanges = (from: Task, to: Task): Found => [
  [DifferenceKind.STATE, from.state !== to.state],
  [DifferenceKind.MOVED, isMove(workerOf(from), workerOf(to))],
  [DifferenceKind.RESTARTED, from.restartCount !== to.restartCount],
];

/** The first placement is none. */
const isMove = (from: string, to: string): boolean => from !== to && from !== "" && to !== "";

const taskSituation = (task: Task): TaskSituation =>
  create(TaskSituationSchema, {
    state: task.state,
    desiredState: task.desiredState,
    attempt: task.attempt?.number ?? 0,
    workerId: workerOf(task),
    restartCount: task.restartCount,
    ready: task.attempt?.status?.ready ?? false,
  });

/** What is different about a worker between two times. Undefined where nothing is. */
export function workerDifference({ from, to }: Pair<Worker>): WorkerDifference | undefined {
  const worker = to ?? from;
  if (!worker || from === to) return undefined;
  const kinds = kindsOf({ from, to }, workerChanges);
  if (from && to && kinds[0] === DifferenceKind.OTHER && isAlike(from, to)) return undefined;
  return create(WorkerDifferenceSchema, {
    workerId: worker.id,
    kinds,
    ...(from && { from: workerSituation(from) }),
    ...(to && { to: workerSituation(to) }),
  });
}

const workerChanges = (from: Worker, to: Worker): Found => [
  [
    DifferenceKind.STATE,
    from.presence?.state !== to.presence?.state ||
      from.settings?.availability !== to.settings?.availability,
  ],
  [DifferenceKind.RESTARTED, from.presence?.sessionId !== to.presence?.sessionId],
];

/** Of two whose states and sessions are the same: what operators decided is all that can differ. */
const isAlike = (from: Worker, to: Worker): boolean =>
  from.settings !== undefined &&
  to.settings !== undefined &&
  equals(WorkerSettingsSchema, from.settings, to.settings);

const workerSituation = ({ presence, settings }: Worker): WorkerSituation =>
  create(WorkerSituationSchema, {
    ...(presence && { state: presence.state, sessionId: presence.sessionId }),
    ...(settings && { availability: settings.availability }),
    version: presence?.description?.version ?? "",
  });

function kindsOf<T>({ from, to }: Pair<T>, changes: (from: T, to: T) => Found): DifferenceKind[] {
  if (from === undefined) return [DifferenceKind.CAME];
  if (to === undefined) return [DifferenceKind.WENT];
  const kinds = changes(from, to).flatMap(([kind, isDifferent]) => (isDifferent ? [kind] : []));
  return kinds.length > 0 ? kinds : [DifferenceKind.OTHER];
}
