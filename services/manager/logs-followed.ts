import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { LOG_TASKS_MAX } from "../../core/limits.ts";
import { createLogSeam, type LogSeam } from "../../core/log-seam.ts";
import { isTerminal } from "../../core/task-state.ts";
import type { StreamTaskLogsResponse } from "../../gen/berth/v1/manager_service_pb.ts";
import type { Attempt, Task } from "../../gen/berth/v1/task_pb.ts";
import { type Bell, createBell } from "../../lib/bell.ts";
import { isRetryable } from "../../lib/errors.ts";
import { createPipe, type Pipe } from "../../lib/pipe.ts";
import { createStop } from "../../lib/stop.ts";
import { type LogChoice, readAttempt } from "./attempt-logs.ts";
import { answerOf, type Together, warning, warningOf } from "./logs-together.ts";
import { createTaskFilter } from "./task-filter.ts";

/** Between two tries to reach a worker. */
const RETRY_MS = 2_000;

/** One call: who is followed, and where to. */
type Following = Together &
  Readonly<{
    pipe: Pipe<StreamTaskLogsResponse>;
    /** Rings for a task that has changed. */
    bells: Map<string, Bell>;
  }>;

/**
 * What several tasks write, as it comes, whichever attempt they come to. Each task waits until what it
 * has told was taken, so nothing piles up here. By a filter, tasks join that come to match.
 */
export async function* followTogether(
  asked: Together,
): AsyncGenerator<StreamTaskLogsResponse, void, undefined> {
  const over = createStop(asked.signal);
  const { signal } = over;
  const pipe = createPipe<StreamTaskLogsResponse>();
  const following: Following = { ...asked, signal, pipe, bells: new Map() };
  const unsubscribe = listen(following);
  for (const task of asked.tasks)
    begin(following, task, { seen: (task.attempt?.number ?? 1) - 1, isLate: false });
  if (asked.tasks.length === 0 && !asked.request.filter) pipe.end();
  try {
    yield* pipe.read(signal);
  } finally {
    unsubscribe();
    over.abort();
    over.release();
  }
}

/** Lets followed tasks know of their changes, and others join. */
function listen(following: Following): () => void {
  const { ledger, request, bells } = following;
  const matches = request.filter && createTaskFilter(request.filter);
  const refused = new Set<string>();

  function refuse(task: Task): void {
    if (refused.size >= LOG_TASKS_MAX || refused.has(task.id)) return;
    refused.add(task.id);
    const message = `matches too, but ${LOG_TASKS_MAX} tasks are followed already`;
    void following.pipe.put(warning(task, { reason: "TOO_MANY_TASKS", message, isRetried: false }));
  }

  function hear(task: Task): void {
    const bell = bells.get(task.id);
    if (bell) bell.ring();
    else if (!matches?.(task) || isTerminal(task.state)) return;
    else if (bells.size < LOG_TASKS_MAX) begin(following, task, { seen: 0, isLate: true });
    else refuse(task);
  }

  return ledger.subscribe((changes) => {
    for (const { task } of changes) hear(task);
  });
}

/** `seen`: the last attempt that is not followed. `isLate`: the task came after the call. */
type Start = Readonly<{ seen: number; isLate: boolean }>;

/** Follows a task. The last one to end ends the call, if none joins. */
function begin(following: Following, task: Task, start: Start): void {
  const { bells, clock, pipe, request } = following;
  bells.set(task.id, createBell(clock));
  const finish = (reason?: unknown) => {
    bells.delete(task.id);
    if (reason !== undefined) pipe.end(reason);
    else if (bells.size === 0 && !request.filter) pipe.end();
  };
  followTask(following, task, start).then(() => finish(), finish);
}

async function followTask(following: Following, { id }: Task, start: Start): Promise<void> {
  const { ledger, bells, signal } = following;
  for (let { seen } = start, isFirst = !start.isLate; !signal.aborted; ) {
    const task = ledger.tasks.get(id);
    if (!task) return;
    const attempt = attemptAfter(task, seen);
    if (attempt) {
      await followAttempt(following, { task, attempt, isFirst });
      [seen, isFirst] = [attempt.number, false];
    } else if (isTerminal(task.state)) return;
    else await bells.get(id)?.wait(signal);
  }
}

/** The next attempt that has, or had, a container. */
const attemptAfter = ({ attempt, pastAttempts }: Task, seen: number): Attempt | undefined =>
  [...pastAttempts, ...(attempt ? [attempt] : [])]
    .filter(({ number, status }) => number > seen && (status?.containerId ?? "") !== "")
    .sort((a, b) => a.number - b.number)[0];

type One = Readonly<{ task: Task; attempt: Attempt; isFirst: boolean }>;

/** Follows an attempt to its end. A worker that is away is tried again for as long as it may run. */
async function followAttempt(following: Following, one: One): Promise<void> {
  const { pipe, signal, clock } = following;
  const reading = { ...one, choice: choiceFor(following, one), seam: createLogSeam() };
  for (let isTold = false; ; isTold = true) {
    const failure = await tryToRead(following, reading);
    if (!failure || signal.aborted) return;
    const isRetried = isRetryable(failure.error) && isCurrent(following, one);
    const words = warning(one.task, warningOf(failure.error, isRetried));
    if (!isRetried) return void (await pipe.put(words));
    if (!isTold) await pipe.put(words);
    await clock.sleep(RETRY_MS, signal);
  }
}

/** A tail is of what was written before the call. */
function choiceFor({ request: { tail, ...rest } }: Following, { isFirst }: One): LogChoice {
  return isFirst && tail !== undefined ? { ...rest, tail } : rest;
}

async function tryToRead(following: Following, reading: Reading) {
  try {
    await read(following, reading);
    return undefined;
  } catch (error) {
    return { error };
  }
}

type Reading = One & Readonly<{ choice: LogChoice; seam: LogSeam }>;

function isCurrent({ ledger }: Following, { task, attempt }: One): boolean {
  const now = ledger.tasks.get(task.id);
  return now?.attempt?.number === attempt.number && !isTerminal(now.state);
}

async function read(
  { lines, pipe, signal }: Following,
  { task, attempt, choice, seam }: Reading,
): Promise<void> {
  const { tail: _, ...again } = choice;
  const sinceMs = seam.sinceMs();
  const from = sinceMs === undefined ? choice : { ...again, since: timestampFromMs(sinceMs) };
  seam.begin();
  for await (const batch of readAttempt(lines, {
    taskId: task.id,
    attempt,
    choice: from,
    signal,
  })) {
    const entries = seam.pass(batch);
    if (entries.length > 0 && !(await pipe.put(answerOf(task, attempt.number, entries)))) return;
  }
}
