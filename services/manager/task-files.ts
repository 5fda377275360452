import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { validateId } from "../../core/validate.ts";
import { validateFiles } from "../../core/validate-files.ts";
import {
  type CopyTaskFilesRequest,
  type CopyTaskFilesResponse,
  CopyTaskFilesResponseSchema,
  type CopyTaskFilesStart,
} from "../../gen/berth/v1/manager_service_pb.ts";
import type { Attempt, Task } from "../../gen/berth/v1/task_pb.ts";
import {
  WorkerService,
  type WorkerServiceCopyTaskFilesRequestSchema,
} from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted, invalidFields, notFound, wrongState } from "../../lib/errors.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { badWord, createTalks, type Talk } from "../../lib/rpc/talks.ts";
import type { LedgerView } from "./ledger.ts";
import { fromWorker, type WorkerLines } from "./worker-lines.ts";

type Deps = Readonly<{ ledger: LedgerView; lines: WorkerLines; clock: Clock }>;

/** Copies at once that a manager passes on. */
const COPIES_MAX = 64;

type CopyTalk = Talk<CopyTaskFilesRequest, CopyTaskFilesStart>;
type Answers = AsyncGenerator<CopyTaskFilesResponse, void, undefined>;

/** Passes copies on to where the tasks run, each way as fast as it is taken. */
export const createFilesRelay = (deps: Deps) =>
  createTalks(
    {
      clock: deps.clock,
      countMax: COPIES_MAX,
      tooMany: (count) => exhausted("TOO_MANY_COPIES", `${count} copies are under way: end some`),
      hint: "say what to copy first",
      startIn,
    },
    (talk: CopyTalk) => relay(deps, talk),
  );

function startIn({ word }: CopyTaskFilesRequest): CopyTaskFilesStart | undefined {
  if (word.case !== "start") return undefined;
  const { taskId, files } = word.value;
  const violations = [
    ...validateId("start.task_id", taskId),
    ...validateFiles("start.files", files),
  ];
  if (violations.length > 0) throw invalidFields(violations);
  return word.value;
}

async function* relay({ ledger, lines }: Deps, talk: CopyTalk): Answers {
  const attempt = findAttempt(talk.start, ledger.tasks.get(talk.start.taskId));
  const line = lines.borrow(attempt);
  const worker = createClient(WorkerService, line.channel);
  try {
    const answers = worker.copyTaskFiles(toWorker(talk, attempt), { signal: talk.signal });
    for await (const { output } of answers)
      if (output) yield create(CopyTaskFilesResponseSchema, { output });
  } catch (error) {
    throw talk.over.signal.aborted ? talk.over.signal.reason : fromWorker(error, line);
  } finally {
    line.giveBack();
  }
}

/** The attempt that was named, else the latest that has had a container. */
function findAttempt({ taskId, attempt: wanted }: CopyTaskFilesStart, task: Task | undefined) {
  if (!task?.attempt) throw notFound("task", taskId);
  const attempts = [task.attempt, ...task.pastAttempts].sort((a, b) => b.number - a.number);
  const found = attempts.find((attempt) =>
    wanted === 0 ? hasContainer(attempt) : attempt.number === wanted,
  );
  if (found?.placement) return found;
  if (wanted !== 0 && !found) throw notFound("attempt", `${wanted} of task ${taskId}`);
  const why = task.waitingReason || "it was stopped before it was placed";
  throw wrongState("NO_CONTAINER", `task ${taskId} has no container yet: ${why}`);
}

const hasContainer = ({ status }: Attempt): boolean => (status?.containerId ?? "") !== "";

type Word = MessageInitShape<typeof WorkerServiceCopyTaskFilesRequestSchema>;

async function* toWorker({ start, words, over }: CopyTalk, { number }: Attempt) {
  const { taskId, files } = start;
  const value = { taskId, attempt: number, ...(files && { files }) };
  yield { word: { case: "start", value } } satisfies Word;
  for await (const { word } of words) {
    if (word.case === "input") yield { word } satisfies Word;
    else return over.abort(badWord("is no input: after the start only input is sent"));
  }
}
