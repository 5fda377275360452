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
import { exhausted, invalidFields, notFound, timedOut, wrongState } from "../../lib/errors.ts";
import { untilAborted } from "../../lib/rpc/abortable.ts";
import { createClient } from "../../lib/rpc/client.ts";
import type { LedgerView } from "./ledger.ts";
import { fromWorker, type WorkerLines } from "./worker-lines.ts";

type Deps = Readonly<{ ledger: LedgerView; lines: WorkerLines; clock: Clock }>;

/** Conversations at once that a manager passes on. */
const EXECS_MAX = 512;

/** Until a caller must have said what to run. */
const START_MS = 10_000;

type Words = AsyncIterable<ExecTaskRequest>;
type Answers = AsyncGenerator<ExecTaskResponse, void, undefined>;

/** Passes conversations with processes on to where the tasks run, each way as fast as it is taken. */
export function createExecRelay(deps: Deps): (words: Words, signal: AbortSignal) => Answers {
  let execCount = 0;
  return async function* execTask(words, signal) {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const conversation = untilAborted(words, either, () => undefined);
    const disarm = deps.clock.after(START_MS, () => over.abort(notStarted()));
    try {
      const start = await readStart(conversation);
      disarm();
      if (execCount >= EXECS_MAX)
        throw exhausted("TOO_MANY_EXECS", `${execCount} processes are talked with: end some`);
      execCount++;
      try {
        yield* relay(deps, { start, conversation, over, signal: either });
      } finally {
        execCount--;
      }
    } finally {
      disarm();
      over.abort();
    }
  };
}

const notStarted = () =>
  timedOut("START_MISSING", `no start came in ${START_MS} ms: say what to run first`);

async function readStart(conversation: AsyncIterator<ExecTaskRequest>): Promise<ExecTaskStart> {
  const first = await conversation.next();
  const word = first.done ? undefined : first.value.word;
  if (word?.case !== "start") throw badWord("the first word is no start: say what to run first");
  const { taskId, process } = word.value;
  const violations = [
    ...validateId("start.task_id", taskId),
    ...validateExec("start.process", process),
  ];
  if (violations.length > 0) throw invalidFields(violations);
  return word.value;
}

const badWord = (description: string) => invalidFields([{ field: "word", description }]);

type Talk = Readonly<{
  start: ExecTaskStart;
  conversation: Words;
  /** Aborts with what is wrong with the caller's words, and in the end. */
  over: AbortController;
  signal: AbortSignal;
}>;

async function* relay({ ledger, lines }: Deps, talk: Talk): Answers {
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

async function* toWorker({ start, conversation, over }: Talk, { number }: Attempt) {
  const { taskId, process } = start;
  const value = { taskId, attempt: number, ...(process && { process }) };
  yield { word: { case: "start", value } } satisfies Word;
  for await (const { word } of conversation) {
    if (word.case === "input") yield { word } satisfies Word;
    else return over.abort(badWord("is no input: after the start only input is sent"));
  }
}
