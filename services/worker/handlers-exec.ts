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
import { exhausted, notFound, unavailable, wrongState } from "../../lib/errors.ts";
import { badWord, createTalks, type Talk } from "../../lib/rpc/talks.ts";
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

type ExecTalk = Talk<WorkerServiceExecTaskRequest, WorkerServiceExecTaskStart>;
type Answers = AsyncGenerator<WorkerServiceExecTaskResponse, void, undefined>;

/** Runs processes in containers, each as long as its caller listens. */
export const createExecHandler = (deps: Deps) =>
  createTalks(
    {
      clock: deps.clock,
      countMax: EXECS_MAX,
      tooMany: (count) =>
        exhausted("TOO_MANY_EXECS", `${count} processes run in containers: end some`),
      hint: "say what to run first",
      startIn,
    },
    (talk: ExecTalk) => converse(deps, talk),
  );

function startIn({ word }: WorkerServiceExecTaskRequest): WorkerServiceExecTaskStart | undefined {
  if (word.case !== "start") return undefined;
  refuse(checkExec(word.value));
  return word.value;
}

async function* converse(deps: Deps, { start, words, signal, over }: ExecTalk): Answers {
  await deps.supervisor.adopted();
  const process = start.process as ExecProcess;
  try {
    const session = await deps.runtime.exec(runningContainer(deps, start), process, signal);
    yield answer({ case: "started", value: {} });
    listen(words, session, process).catch((error: unknown) => over.abort(error));
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
async function listen(
  words: ExecTalk["words"],
  session: ExecSession,
  process: ExecProcess,
): Promise<void> {
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
