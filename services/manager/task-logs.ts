import { create } from "@bufbuild/protobuf";
import { LOG_TASKS_MAX } from "../../core/limits.ts";
import {
  checkEnum,
  type FieldViolation,
  type Violations,
  validateId,
  violation,
} from "../../core/validate.ts";
import { LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import {
  type StreamTaskLogsRequest,
  type StreamTaskLogsResponse,
  StreamTaskLogsResponseSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import type { Attempt, Task } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { invalidFields, notFound, wrongState } from "../../lib/errors.ts";
import { readAttempt } from "./attempt-logs.ts";
import type { LedgerView } from "./ledger.ts";
import { followTogether } from "./logs-followed.ts";
import { readTogether } from "./logs-together.ts";
import { createTaskFilter } from "./task-filter.ts";
import { findTask } from "./task-queries.ts";
import type { WorkerLines } from "./worker-lines.ts";

export type LogDeps = Readonly<{ ledger: LedgerView; lines: WorkerLines; clock: Clock }>;

type Answers = AsyncGenerator<StreamTaskLogsResponse, void, undefined>;

/** What containers wrote: of one task, or of several together. */
export async function* streamTaskLogs(
  request: StreamTaskLogsRequest,
  deps: LogDeps,
  signal: AbortSignal,
): Answers {
  const violations = checkLogs(request);
  if (violations.length > 0) throw invalidFields(violations);
  if (request.taskId !== "") return yield* readOne(request, deps, signal);
  const tasks = pick(request, deps.ledger);
  const together = request.follow ? followTogether : readTogether;
  yield* together({ ...deps, request, tasks, signal });
}

function checkLogs(request: StreamTaskLogsRequest): readonly FieldViolation[] {
  return [...checkWhich(request), ...checkStreams(request)];
}

function* checkWhich({ taskId, taskIds, filter, attempt }: StreamTaskLogsRequest): Violations {
  const ways = [taskId !== "", taskIds.length > 0, filter !== undefined].filter(Boolean).length;
  if (ways > 1) yield violation("task_id", "is one of several: set task_id, task_ids or filter");
  else if (ways === 0) yield violation("task_id", "is required: set it, or task_ids, or filter");
  else if (taskId !== "") return yield* validateId("task_id", taskId);
  if (attempt !== 0)
    yield violation("attempt", `is ${attempt} of several tasks: leave it out, or name one task_id`);
  yield* checkIds(taskIds);
}

function* checkIds(taskIds: readonly string[]): Violations {
  if (taskIds.length > LOG_TASKS_MAX)
    yield violation("task_ids", `has ${taskIds.length} entries: must be at most ${LOG_TASKS_MAX}`);
  else if (new Set(taskIds).size < taskIds.length)
    yield violation("task_ids", "names a task twice: name each once");
  else for (const [index, id] of taskIds.entries()) yield* validateId(`task_ids[${index}]`, id);
}

function* checkStreams({ streams }: StreamTaskLogsRequest): Violations {
  for (const [index, stream] of streams.entries()) {
    const field = `streams[${index}]`;
    if (stream !== LogStream.UNSPECIFIED) yield* checkEnum(field, stream, LogStream);
    else yield violation(field, "is unspecified: name a stream, or leave the list empty");
  }
}

function pick({ taskIds, filter }: StreamTaskLogsRequest, ledger: LedgerView): readonly Task[] {
  if (!filter) return taskIds.map((id) => findTask(id, ledger));
  const found = [...ledger.tasks.all()].filter(createTaskFilter(filter));
  if (found.length <= LOG_TASKS_MAX) return found;
  const many = `matches ${found.length} tasks: logs are read of ${LOG_TASKS_MAX} at most: narrow it`;
  throw invalidFields([violation("filter", many)]);
}

async function* readOne(
  request: StreamTaskLogsRequest,
  { ledger, lines }: LogDeps,
  signal: AbortSignal,
): Answers {
  const { taskId } = request;
  const task = ledger.tasks.get(taskId);
  const attempt = findAttempt(request, task);
  const asked = { taskId, attempt, choice: request, signal };
  const tag = { taskId, attempt: attempt.number, taskName: task?.spec?.name ?? "" };
  for await (const entries of readAttempt(lines, asked))
    yield create(StreamTaskLogsResponseSchema, { ...tag, entries });
}

function findAttempt(
  { taskId, attempt: wanted }: StreamTaskLogsRequest,
  task: Task | undefined,
): Attempt {
  if (!task?.attempt) throw notFound("task", taskId);
  const attempts = [task.attempt, ...task.pastAttempts];
  const attempt = wanted === 0 ? task.attempt : attempts.find(({ number }) => number === wanted);
  if (!attempt) throw notFound("attempt", `${wanted} of task ${taskId}`);
  if (!attempt.placement) {
    const why = task.waitingReason || "it was stopped before it was placed";
    throw wrongState("NO_CONTAINER", `task ${taskId} has no container yet: ${why}`);
  }
  return attempt;
}
