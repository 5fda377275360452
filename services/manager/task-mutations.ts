import { create } from "@bufbuild/protobuf";
import { requestRemoval, requestStop, submit, tracedIn } from "../../core/task-change.ts";
import { isTerminal, stateName } from "../../core/task-state.ts";
import { validateGrace, validateId, validateRequestId } from "../../core/validate.ts";
import type { FieldReport } from "../../gen/berth/v1/field_report_pb.ts";
import {
  type RemoveTaskRequest,
  RemoveTaskRequestSchema,
  type StopTaskRequest,
  StopTaskRequestSchema,
  type SubmitTaskRequest,
  SubmitTaskRequestSchema,
  type SubmitTasksRequest,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { DesiredState, type Task, TaskSchema, type TaskSpec } from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import {
  exhausted,
  type FieldViolation,
  invalidFields,
  notFound,
  wrongState,
} from "../../lib/errors.ts";
import { type Request, recordOf, repeated, requestOf } from "./idempotency.ts";
import type { Ledger } from "./ledger.ts";
import { checkPlan } from "./plan-check.ts";
import type { SnapshotDeps } from "./plan-snapshot.ts";
import { createSpecIntake, type TakenSpec } from "./spec-intake.ts";

/** A task that was taken, and what was taken for each field unless that is not wanted. */
export type Submitted = Readonly<{ task: Task; fieldReport: FieldReport | undefined }>;

/** What users can ask to be changed. Every answer is durable. */
export interface TaskMutations {
  /** `traceparent` is of the span that it is submitted in; empty: of none. */
  submit(request: SubmitTaskRequest, traceparent: string): Promise<Submitted>;
  /** Throws unless all entries may be submitted together, as far as the whole asks for it. */
  checkTogether(request: SubmitTasksRequest): void;
  stop(request: StopTaskRequest): Promise<Task>;
  remove(request: RemoveTaskRequest): Promise<Task>;
}

type Deps = Readonly<{
  ledger: Ledger;
  clock: Clock;
  nextId: () => string;
  schedulers: readonly string[];
  defaultScheduler: string;
  board: SnapshotDeps["board"];
}>;

/** A ledger in memory has an end: beyond it the manager refuses rather than dies. */
const TASKS_MAX = 1_000_000;

export function createTaskMutations(deps: Deps): TaskMutations {
  const parts = { ...deps, take: createSpecIntake(deps) };
  return {
    submit: (request, traceparent) => submitTask(request, traceparent, parts),
    checkTogether: (request) => checkTogether(request, parts),
    stop: (request) => stopTask(request, deps),
    remove: (request) => removeTask(request, deps),
  };
}

type Parts = Deps & Readonly<{ take: (spec: TaskSpec | undefined) => TakenSpec }>;

async function submitTask(
  request: SubmitTaskRequest,
  traceparent: string,
  deps: Parts,
): Promise<Submitted> {
  const { ledger, clock, nextId } = deps;
  const taken = deps.take(request.spec);
  refuse(checkSubmit(request, taken));
  const submitted = (task: Task): Submitted => ({
    task,
    fieldReport: request.omitFieldReport ? undefined : taken.report(),
  });
  const asked = askedOf(request);
  const earlier = repeated(asked, ledger);
  if (earlier !== undefined) return submitted(await durableTask(earlier, ledger));
  if (request.checkIndex !== "") checkPlan(request.checkIndex, [specOf(request)], deps);
  if (ledger.tasks.size >= TASKS_MAX)
    throw exhausted("TOO_MANY_TASKS", `the ledger holds ${TASKS_MAX} tasks: remove ended ones`);

  const id = request.validateOnly ? "" : nextId();
  const change = tracedIn(traceparent, submit(id, taken.complete(id), clock.now()));
  if (request.validateOnly) return submitted(change.task);
  await ledger.commit([change], recordOf(asked, id, clock));
  return submitted(ledger.tasks.get(id) ?? change.task);
}

/** How the answer should look does not make it another request. */
const askedOf = (request: SubmitTaskRequest): Request =>
  requestOf(SubmitTaskRequestSchema, { ...request, omitFieldReport: false });

const checkSubmit = (
  { requestId }: SubmitTaskRequest,
  { violations }: TakenSpec,
): readonly FieldViolation[] => [...violations, ...validateRequestId("request_id", requestId)];

/**
 * With a check index all are taken or none: an entry that cannot be holds up the others. A call that
 * was carried out before, as a request ID of it tells, is not checked again.
 */
function checkTogether({ requests, checkIndex }: SubmitTasksRequest, deps: Parts): void {
  const { ledger, take } = deps;
  refuse(requests.flatMap((each, at) => checkEntry(each, at)));
  if (checkIndex === "") return;
  refuse(
    requests.flatMap((each, at) =>
      checkSubmit(each, take(each.spec)).map(({ field, description }) => {
        return { field: `requests[${at}].${field}`, description };
      }),
    ),
  );
  const isRepeated = (each: SubmitTaskRequest): boolean =>
    repeated(askedOf(each), ledger) !== undefined;
  if (!requests.some(isRepeated)) checkPlan(checkIndex, requests.map(specOf), deps);
}

const checkEntry = ({ checkIndex }: SubmitTaskRequest, at: number): readonly FieldViolation[] =>
  checkIndex === ""
    ? []
    : [
        {
          field: `requests[${at}].check_index`,
          description: "is set: plans are of whole calls, so set check_index beside requests",
        },
      ];

const specOf = ({ spec }: SubmitTaskRequest): TaskSpec => {
  assert(spec, "a validated request has a spec");
  return spec;
};

async function stopTask(request: StopTaskRequest, { ledger, clock }: Deps): Promise<Task> {
  const { taskId, grace } = request;
  refuse([
    ...validateId("task_id", taskId),
    ...validateRequestId("request_id", request.requestId),
    ...validateGrace("grace", grace),
  ]);
  const asked = requestOf(StopTaskRequestSchema, request);
  if (repeated(asked, ledger) === undefined) {
    const changes = requestStop(find(taskId, ledger), { grace, now: clock.now() });
    await ledger.commit(changes, recordOf(asked, taskId, clock));
  }
  return durableTask(taskId, ledger);
}

async function removeTask(request: RemoveTaskRequest, { ledger, clock }: Deps): Promise<Task> {
  const { taskId, force } = request;
  refuse([...validateId("task_id", taskId), ...validateRequestId("request_id", request.requestId)]);
  const asked = requestOf(RemoveTaskRequestSchema, request);
  const known = ledger.tasks.get(taskId);
  if (repeated(asked, ledger) !== undefined) {
    await ledger.settled();
    return known ?? gone(taskId);
  }
  const task = find(taskId, ledger);
  if (!force && !isTerminal(task.state)) {
    const state = stateName(task.state);
    throw wrongState("TASK_NOT_ENDED", `task ${taskId} is ${state}: stop it first, or set force`);
  }
  await ledger.commit(requestRemoval(task, clock.now()), recordOf(asked, taskId, clock));
  return ledger.tasks.get(taskId) ?? task;
}

function refuse(violations: readonly FieldViolation[]): void {
  if (violations.length > 0) throw invalidFields(violations);
}

function find(taskId: string, ledger: Ledger): Task {
  const task = ledger.tasks.get(taskId);
  if (!task) throw notFound("task", taskId);
  return task;
}

async function durableTask(taskId: string, ledger: Ledger): Promise<Task> {
  const task = find(taskId, ledger);
  await ledger.settled();
  return task;
}

/** All that is left to say of a task that an earlier call removed. */
const gone = (taskId: string): Task =>
  create(TaskSchema, { id: taskId, desiredState: DesiredState.REMOVE });
