import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { stateName } from "../../core/task-state.ts";
import { validateExecInput } from "../../core/validate-exec.ts";
import type { ExecInput, ExecOutputSchema, ExecProcess } from "../../gen/berth/v1/exec_pb.ts";
import {
  type WorkerServiceExecTaskRequest,
  type WorkerServiceExecTaskResponse,
  WorkerServiceExecTaskResponseSchema,
  type WorkerServiceExecTaskStart,
} from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import {
  exhausted,
  invalidFields,
  notFound,
  timedOut,
  unavailable,
  wrongState,
} from "../../lib/errors.ts";
import { untilAborted } from "../../lib/rpc/abortable.ts";
import { keyText, stateOf } from "./attempt.ts";
import { checkExec, refuse } from "./handlers-checks.ts";
import { type ExecNews, type ExecSession, type Runtime, RuntimeError } from "./runtime.ts";
import type { Supervisor } from "./supervisor.ts";

type Deps = Readonly<{
  supervisor: Pick<Supervisor, "adopted" | "find">;
  runtime: Pick<Runtime, "exec">;
  clock: Clock;
}>;

/** Processes beside containers' own at once: each holds a connection to the engine. */
export const EXECS_MAX = 64;

/** Until a caller must have said what to run. */
const START_MS = 10_000;

type Words = AsyncIterable<WorkerServiceExecTaskRequest>;
type Answers = AsyncGenerator<WorkerServiceExecTaskResponse, void, undefined>;

/** Runs processes in containers, each as long as its caller listens. */
export function createExecHandler(deps: Deps): (words: Words, signal: AbortSignal) => Answers {
  let execCount = 0;
  return async function* execTask(words, signal) {
    const over = new AbortController();
    const conversation = untilAborted(
      words,
      AbortSignal.any([signal, over.signal]),
      () => undefined,
    );
    const disarm = deps.clock.after(START_MS, () => over.abort(notStarted()));
    try {
      const start = await readStart(conversation);
      disarm();
      if (execCount >= EXECS_MAX)
        throw exhausted("TOO_MANY_EXECS", `${execCount} processes run in containers: end some`);
      execCount++;
      try {
        yield* talk(deps, { start, conversation, signal, over });
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

async function readStart(
  conversation: AsyncIterator<WorkerServiceExecTaskRequest>,
): Promise<WorkerServiceExecTaskStart> {
  const first = await conversation.next();
  const word = first.done ? undefined : first.value.word;
  if (word?.case !== "start") throw badWord("the first word is no start: say what to run first");
  refuse(checkExec(word.value));
  return word.value;
}

const badWord = (description: string) => invalidFields([{ field: "word", description }]);

type Talk = Readonly<{
  start: WorkerServiceExecTaskStart;
  conversation: Words;
  signal: AbortSignal;
  /** Aborts with what is wrong with the caller's words, and in the end. */
  over: AbortController;
}>;

async function* talk(deps: Deps, { start, conversation, signal, over }: Talk): Answers {
  await deps.supervisor.adopted();
  const process = start.process as ExecProcess;
  const either = AbortSignal.any([signal, over.signal]);
  try {
    const session = await deps.runtime.exec(runningContainer(deps, start), process, either);
    yield answer({ case: "started", value: {} });
    listen(conversation, session, process).catch((error: unknown) => over.abort(error));
    for await (const news of session.news) yield answerOf(news);
  } catch (error) {
    throw error instanceof RuntimeError ? asRpcError(error, start) : error;
  }
  if (over.signal.aborted) throw over.signal.reason;
}

/** Stages of attempts whose container may run: whether it does, the engine knows. */
const MAY_RUN = { confirming: true, running: true, stopping: true };

function runningContainer({ supervisor }: Deps, key: WorkerServiceExecTaskStart): string {
  const attempt = supervisor.find(key);
  if (!attempt) throw notFound("attempt", keyText(key));
  const { stage } = attempt;
  if (stage.kind in MAY_RUN && "container" in stage && stage.container) return stage.container.id;
  const state = stateName(stateOf(stage));
  throw wrongState(
    "NOT_RUNNING",
    `attempt ${keyText(key)} is ${state}: a process needs a container that runs`,
  );
}

/** Passes on what the caller says, no faster than the process takes it. */
async function listen(words: Words, session: ExecSession, process: ExecProcess): Promise<void> {
  for await (const { word } of words) {
    if (word.case === "start") throw badWord("is a second start: a call runs one process");
    if (word.case !== "input") throw badWord("is neither start nor input: send one of them");
    refuse(validateExecInput("input", word.value, process));
    await tell(session, word.value);
  }
  if (process.stdin) session.endInput();
}

async function tell(session: ExecSession, { word }: ExecInput): Promise<void> {
  if (word.case === "stdin") await session.write(word.value);
  if (word.case === "resize") await session.resize(word.value);
  if (word.case === "endOfInput") session.endInput();
}

type Output = NonNullable<MessageInitShape<typeof ExecOutputSchema>["word"]>;

const answer = (word: Output): WorkerServiceExecTaskResponse =>
  create(WorkerServiceExecTaskResponseSchema, { output: { word } });

const answerOf = (news: ExecNews): WorkerServiceExecTaskResponse =>
  news.kind === "exit"
    ? answer({ case: "exit", value: { exitCode: news.exitCode } })
    : answer({ case: news.kind, value: Uint8Array.from(news.data) });

function asRpcError(error: RuntimeError, key: WorkerServiceExecTaskStart) {
  const { kind, message } = error;
  const options = { cause: error };
  if (kind === "engine-unavailable")
    return unavailable("ENGINE_UNAVAILABLE", message, { ...options, retryMs: 1_000 });
  return wrongState("EXEC_REFUSED", `attempt ${keyText(key)}: ${message}`, options);
}
