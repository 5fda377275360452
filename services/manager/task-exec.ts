import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { stateName } from "../../core/task-state.ts";
import { validateId } from "../../core/validate.ts";
import { validateExec } from "../../core/validate-exec.ts";
import {
  type ExecTaskRequest,
  type ExecTaskResponse,
  ExecTaskResponseSchema,
  type ExecTaskStart,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { type Attempt, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import {
  WorkerService,
  type WorkerServiceExecTaskRequestSchema,
} from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted, invalidFields, notFound, wrongState } from "../../lib/errors.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { badWord, createTalks, type Talk } from "../../lib/rpc/talks.ts";
import type { LedgerView } from "./ledger.ts";
import { fromWorker, type WorkerLines } from "./worker-lines.ts";

type Deps = Readonly<{ ledger: LedgerView; lines: WorkerLines; clock: Clock }>;

/** Conversations at once that a manager passes on. */
const EXECS_MAX = 512;

type ExecTalk = Talk<ExecTaskRequest, ExecTaskStart>;
type Answers = AsyncGenerator<ExecTaskResponse, void, undefined>;

/** Passes conversations with processes on to where the tasks run, each way as fast as it is taken. */
export const createExecRelay = (deps: Deps) =>
  createTalks(
    {
      clock: deps.clock,
      countMax: EXECS_MAX,
      tooMany: (count) =>
        exhausted("TOO_MANY_EXECS", `${count} processes are talked with: end some`),
      hint: "say what to run first",
      startIn,
    },
    (talk: ExecTalk) => relay(deps, talk),
  );

function startIn({ word }: ExecTaskRequest): ExecTaskStart | undefined {
  if (word.case !== "start") return undefined;
  const { taskId, process } = word.value;
  const violations = [
    ...validateId("start.task_id", taskId),
    ...validateExec("start.process", process),
  ];
  if (violations.length > 0) throw invalidFields(violations);
  return word.value;
}

async function* relay({ ledger, lines }: Deps, talk: ExecTalk): Answers {
  const attempt = runningAttempt(talk.start.taskId, ledger.tasks.get(talk.start.taskId));
  const line = lines.borrow(attempt);
  const worker = createClient(WorkerService, line.channel);
  try {
    const answers = worker.execTask(toWorker(talk, attempt), { signal: talk.signal });
    for await (const { output } of answers)
      if (output) yield create(ExecTaskResponseSchema, { output });
  } catch (error) {
    throw talk.over.signal.aborted ? talk.over.signal.reason : fromWorker(error, line);
  } finally {
    line.giveBack();
  }
}

function runningAttempt(taskId: string, task: Task | undefined): Attempt {
  if (!task?.attempt) throw notFound("task", taskId);
  const { state, attempt, waitingReason } = task;
  if (state === TaskState.RUNNING || state === TaskState.STOPPING) return attempt;
  const why = waitingReason === "" ? "" : ` (${waitingReason})`;
  throw wrongState(
    "NOT_RUNNING",
    `task ${taskId} is ${stateName(state)}${why}: a process needs a container that runs, ` +
      `see: berth inspect ${taskId}`,
  );
}

type Word = MessageInitShape<typeof WorkerServiceExecTaskRequestSchema>;

async function* toWorker({ start, words, over }: ExecTalk, { number }: Attempt) {
  const { taskId, process } = start;
  const value = { taskId, attempt: number, ...(process && { process }) };
  yield { word: { case: "start", value } } satisfies Word;
  for await (const { word } of words) {
    if (word.case === "input") yield { word } satisfies Word;
    else return over.abort(badWord("is no input: after the start only input is sent"));
  }
}
