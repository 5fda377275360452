import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { toMillis } from "../../core/time.ts";
import { validateId } from "../../core/validate.ts";
import type {
  ListTasksRequest,
  ListWorkersRequest,
} from "../../gen/berth/v1/manager_service_pb.ts";
import type { HistoryGap } from "../../gen/berth/v1/past_pb.ts";
import { type Task, TaskSchema } from "../../gen/berth/v1/task_pb.ts";
import type { Worker } from "../../gen/berth/v1/worker_pb.ts";
import { invalidFields, notFound, pastNotKept } from "../../lib/errors.ts";
import { taskBytes } from "./message-size.ts";
import { ID_KEY, readPageRequest, tokenOf } from "./paging.ts";
import { checkMoment, type PastDeps, readMoment, revisionAt } from "./past-moment.ts";
import { readPastPage, type Told } from "./past-page.ts";
import { type PastTask, pastTask, type Story } from "./past-tasks.ts";
import { pastWorker, pastWorkers } from "./past-workers.ts";
import { createTaskFilter } from "./task-filter.ts";

/** A task as it was at a time. */
export async function getPastTask(taskId: string, time: Timestamp, deps: PastDeps): Promise<Task> {
  refuseBadId("task_id", taskId);
  const revision = await revisionAt(momentOf(time, deps), deps);
  const found = await pastTask(taskId, revision, deps);
  await checkMoment(revision, deps);
  if (found.kind === "known") return found.task;
  throw found.kind === "absent" ? notFound("task", taskId) : forgotten("task", found.gap);
}

type TasksAt = ListTasksRequest & Readonly<{ atTime: Timestamp }>;

/** Tasks as they all were at one moment. */
export async function listPastTasks({ filter, atTime, ...paging }: TasksAt, deps: PastDeps) {
  const matches = createTaskFilter(filter);
  const mayMatch = createTaskFilter(filter && { ...filter, states: [], workerId: "" });
  const asked = [{ field: "at_time", time: atTime }];
  const { entries, gaps, nextPageToken, revisions } = await readPastPage(
    { paging, asked },
    deps,
    ({ moments: [moment] }: Story): Told<Task> => {
      if (moment?.kind === "known" && matches(moment.task))
        return { kind: "found", entry: moment.task, bytes: taskBytes(moment.task) };
      const isGap = moment?.kind === "forgotten" && mayMatch(constantOf(moment));
      return isGap ? { kind: "gap", gap: moment.gap } : undefined;
    },
  );
  return { tasks: entries, gaps, nextPageToken, revision: revisions[0] ?? 0n };
}

/** Of a task that is forgotten only what never changes is known. */
const constantOf = ({ spec }: Extract<PastTask, { kind: "forgotten" }>): Task =>
  create(TaskSchema, spec ? { spec } : {});

/** A worker as it was at a time. */
export async function getPastWorker(
  workerId: string,
  time: Timestamp,
  deps: PastDeps,
): Promise<Worker> {
  refuseBadId("worker_id", workerId);
  const ms = momentOf(time, deps);
  await revisionAt(ms, deps);
  const found = await pastWorker(workerId, ms, deps);
  if (found?.kind === "known") return found.worker;
  throw found?.kind === "forgotten" ? forgotten("worker", found.gap) : notFound("worker", workerId);
}

type WorkersAt = ListWorkersRequest & Readonly<{ atTime: Timestamp }>;

/** Workers as they were at a time, as far as the manager saw it. */
export async function listPastWorkers({ atTime, ...paging }: WorkersAt, deps: PastDeps) {
  const { size, after } = readPageRequest(paging, ID_KEY);
  const ms = momentOf(atTime, deps);
  await revisionAt(ms, deps);
  const workers: Worker[] = [];
  const gaps: HistoryGap[] = [];
  let last = "";
  for await (const { workerId, moments } of pastWorkers({ after, times: [ms] }, deps)) {
    const [moment] = moments;
    if (!moment) continue;
    if (workers.length + gaps.length === size)
      return { workers, gaps, nextPageToken: tokenOf(last) };
    if (moment.kind === "known") workers.push(moment.worker);
    else gaps.push(moment.gap);
    last = workerId;
  }
  return { workers, gaps, nextPageToken: "" };
}

const momentOf = (time: Timestamp, { clock }: PastDeps): number =>
  readMoment({ field: "at_time", time }, clock.now());

function refuseBadId(field: string, id: string): void {
  const violations = validateId(field, id);
  if (violations.length > 0) throw invalidFields(violations);
}

function forgotten(kind: string, { id, knownSinceTime }: HistoryGap) {
  const earliest = new Date(knownSinceTime ? toMillis(knownSinceTime) : 0).toISOString();
  const message = `${kind} ${id} changed more often since than is kept: ask for ${earliest} or later`;
  return pastNotKept(message, earliest);
}
