import { create } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { LogEntry } from "../../gen/berth/v1/log_entry_pb.ts";
import {
  type StreamTaskLogsRequest,
  type StreamTaskLogsResponse,
  StreamTaskLogsResponseSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { createStop } from "../../lib/stop.ts";
import { readAttempt } from "./attempt-logs.ts";
import type { LogDeps } from "./task-logs.ts";

/** Logs of several tasks that somebody asked for. */
export type Together = LogDeps &
  Readonly<{
    request: StreamTaskLogsRequest;
    tasks: readonly Task[];
    signal: AbortSignal;
  }>;

type Answers = AsyncGenerator<StreamTaskLogsResponse, void, undefined>;

/**
 * What several tasks wrote until now, in the order of time. Holds one message of each task, and tells
 * of those that cannot be read.
 */
export async function* readTogether(asked: Together): Answers {
  const over = createStop(asked.signal);
  const { signal } = over;
  try {
    const begun = asked.tasks.map((task) => beginReading({ ...asked, signal }, task));
    yield* byTime((await Promise.all(begun)).filter((head) => head !== undefined));
  } finally {
    over.abort();
    over.release();
  }
}

/** The next message of one task, and how much of it was taken. */
type Head = {
  readonly source: Answers;
  answer: StreamTaskLogsResponse;
  taken: number;
};

async function beginReading(asked: Together, task: Task): Promise<Head | undefined> {
  const source = readTask(asked, task);
  const first = await source.next();
  return first.done ? undefined : { source, answer: first.value, taken: 0 };
}

async function* readTask({ lines, request, signal }: Together, task: Task): Answers {
  const { id: taskId, attempt } = task;
  if (!attempt?.placement) {
    yield warning(task, { reason: "NO_CONTAINER", message: noContainer(task), isRetried: false });
    return;
  }
  try {
    for await (const entries of readAttempt(lines, { taskId, attempt, choice: request, signal }))
      if (entries.length > 0) yield answerOf(task, attempt.number, entries);
  } catch (error) {
    if (!signal.aborted) yield warning(task, warningOf(error));
  }
}

const noContainer = ({ waitingReason }: Task) =>
  `has no container yet: ${waitingReason || "it was stopped before it was placed"}`;

/** Whose entries they are is told with them. */
export const answerOf = ({ id, spec }: Task, attempt: number, entries: readonly LogEntry[]) =>
  create(StreamTaskLogsResponseSchema, {
    ...{ taskId: id, taskName: spec?.name ?? "", attempt, entries: [...entries] },
  });

type Warning = Readonly<{ reason: string; message: string; isRetried: boolean }>;

/** Tells why a task's logs are not complete. */
export const warning = ({ id, spec, attempt }: Task, words: Warning) =>
  create(StreamTaskLogsResponseSchema, {
    ...{ taskId: id, taskName: spec?.name ?? "", attempt: attempt?.number ?? 0, warning: words },
  });

export const warningOf = (error: unknown, isRetried = false): Warning => ({
  reason: reasonOf(error) ?? "UNKNOWN",
  message: ConnectError.from(error).rawMessage,
  isRetried,
});

/** Merges what sources have in order, each by itself. A warning comes at once. */
async function* byTime(heads: readonly Head[]): Answers {
  let left = heads;
  while (left.length > 0) {
    const { first, limit } = firstOf(left);
    yield takeUntil(first, limit);
    if (first.taken < first.answer.entries.length) continue;
    const next = await first.source.next();
    if (next.done) left = left.filter((head) => head !== first);
    else [first.answer, first.taken] = [next.value, 0];
  }
}

/** The one whose next entry is the earliest, and the time of the earliest of the others. */
function firstOf(heads: readonly Head[]): Readonly<{ first: Head; limit: bigint | undefined }> {
  let [first, firstTime] = [heads[0] as Head, timeOf(heads[0] as Head)];
  let limit: bigint | undefined;
  for (const head of heads.slice(1)) {
    const time = timeOf(head);
    if (time < firstTime) [first, firstTime, limit] = [head, time, firstTime];
    else if (limit === undefined || time < limit) limit = time;
  }
  return { first, limit };
}

const timeOf = ({ answer, taken }: Head): bigint => nanosOf(answer.entries[taken]);

/** Entries without a time, and warnings, come first. */
const nanosOf = (entry: LogEntry | undefined): bigint =>
  entry?.time ? entry.time.seconds * 1_000_000_000n + BigInt(entry.time.nanos) : -1n;

/** At least one entry, and all that follow and are not later than `limit`. */
function takeUntil(head: Head, limit: bigint | undefined): StreamTaskLogsResponse {
  const { answer, taken } = head;
  const { entries, warning: _, ...tag } = answer;
  if (entries.length === 0) return answer;
  let end = taken + 1;
  while (end < entries.length && (limit === undefined || nanosOf(entries[end]) <= limit)) end++;
  head.taken = end;
  return create(StreamTaskLogsResponseSchema, { ...tag, entries: entries.slice(taken, end) });
}
