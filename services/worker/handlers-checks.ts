import { checkEnum, type FieldViolation, validateGrace, validateId } from "../../core/validate.ts";
import { validateExec } from "../../core/validate-exec.ts";
import { validateFiles } from "../../core/validate-files.ts";
import { validateTaskSpec } from "../../core/validate-task-spec.ts";
import { quote } from "../../core/validate-text.ts";
import { LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { type Failure, FailureReason, type TaskSpec } from "../../gen/berth/v1/task_pb.ts";
import type {
  StartTaskRequest,
  WorkerServiceCopyTaskFilesStart,
  WorkerServiceExecTaskStart,
  WorkerServiceStopTaskRequest,
  WorkerServiceStreamTaskLogsRequest,
} from "../../gen/berth/v1/worker_service_pb.ts";
import { invalidFields } from "../../lib/errors.ts";
import type { AttemptKey } from "./runtime.ts";

/** What every push names. */
export type PushFields = Readonly<{
  taskId: string;
  attempt: number;
  clusterId: string;
  epoch: bigint;
}>;

/** Throws INVALID_ARGUMENT that names every violation, if there is one. */
export function refuse(violations: readonly FieldViolation[]): void {
  if (violations.length > 0) throw invalidFields(violations);
}

export const checkPush = (push: PushFields): readonly FieldViolation[] => [
  ...checkKey(push),
  ...checkFenceFields(push),
];

/** `isKnown`: whether a spec alike has been found valid before. */
export const checkStart = (
  request: StartTaskRequest,
  isKnown: (spec: TaskSpec) => boolean,
): readonly FieldViolation[] => [
  ...checkPush(request),
  ...(request.spec && isKnown(request.spec) ? [] : checkSpec(request.spec)),
  ...checkAssigned(request),
];

/** Which schedulers there are is the manager's business. */
const checkSpec = (spec: TaskSpec | undefined): readonly FieldViolation[] =>
  validateTaskSpec(spec, { schedulers: [spec?.scheduler ?? ""] });

/** Nothing is handed over that the task did not ask for. */
const checkAssigned = ({ spec, assigned }: StartTaskRequest): readonly FieldViolation[] =>
  Object.keys(assigned)
    .filter((name) => !Object.hasOwn(spec?.reservation?.custom ?? {}, name))
    .map((name) => ({
      field: `assigned[${quote(name)}]`,
      description: "is nothing that the spec reserves: leave it out",
    }));

export const checkStop = (request: WorkerServiceStopTaskRequest): readonly FieldViolation[] => [
  ...checkPush(request),
  ...validateGrace("grace", request.grace),
  ...checkFailure(request.failure),
];

function checkFailure(failure: Failure | undefined): readonly FieldViolation[] {
  if (!failure) return [];
  if (failure.reason === FailureReason.UNSPECIFIED)
    return [{ field: "failure.reason", description: "is unspecified: name a reason" }];
  return [...checkEnum("failure.reason", failure.reason, FailureReason)];
}

export const checkLogs = (
  request: WorkerServiceStreamTaskLogsRequest,
): readonly FieldViolation[] => [
  ...checkKey(request),
  ...request.streams.flatMap((stream, index) => checkStream(`streams[${index}]`, stream)),
];

export const checkExec = (start: WorkerServiceExecTaskStart): readonly FieldViolation[] => [
  ...checkKey({ taskId: start.taskId, attempt: start.attempt }, "start."),
  ...validateExec("start.process", start.process),
];

export const checkFiles = (start: WorkerServiceCopyTaskFilesStart): readonly FieldViolation[] => [
  ...checkKey({ taskId: start.taskId, attempt: start.attempt }, "start."),
  ...validateFiles("start.files", start.files),
];

export const checkFenceFields = ({
  clusterId,
  epoch,
}: Pick<PushFields, "clusterId" | "epoch">): readonly FieldViolation[] => [
  ...validateId("cluster_id", clusterId),
  ...(epoch >= 1n ? [] : [{ field: "epoch", description: `is ${epoch}: must be 1 or more` }]),
];

export function checkKey({ taskId, attempt }: AttemptKey, within = ""): readonly FieldViolation[] {
  const number = { field: `${within}attempt`, description: `is ${attempt}: must be 1 or more` };
  return [...validateId(`${within}task_id`, taskId), ...(attempt >= 1 ? [] : [number])];
}

function checkStream(field: string, stream: LogStream): readonly FieldViolation[] {
  if (stream !== LogStream.UNSPECIFIED) return [...checkEnum(field, stream, LogStream)];
  return [{ field, description: "is unspecified: name a stream, or leave the list empty" }];
}
