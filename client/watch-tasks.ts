import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse } from "@connectrpc/connect";
import {
  ManagerService,
  type TaskChange,
  type TaskFilterSchema,
  type WatchTasksRequestSchema,
  type WatchTasksResponse,
  type WatchTasksResponseSchema,
} from "../gen/berth/v1/manager_service_pb.ts";
import type { Task } from "../gen/berth/v1/task_pb.ts";
import { reasonOf, retryMsOf, unavailable } from "../lib/errors.ts";
import { backoffMs } from "../lib/retry.ts";
import { type BerthError, berthErrorOf } from "./berth-error.ts";
import type { ClientDeps, Patience } from "./options.ts";
import { orSilence } from "./or-silence.ts";
import { PAUSES } from "./retrying.ts";
import type { Server, Servers } from "./servers.ts";

/** What a watch tells. */
export type WatchWord =
  /** All tasks as they are: at the beginning, and again where the history in between is gone. */
  | Readonly<{ kind: "listed"; tasks: readonly Task[]; revision: bigint }>
  /** What changed since, in order and without gaps. */
  | Readonly<{ kind: "changed"; changes: readonly TaskChange[]; revision: bigint }>
  /** Nothing changed up to this revision: a sign of life. */
  | Readonly<{ kind: "current"; revision: bigint }>
  /**
   * What was told is so many milliseconds old and may be wrong by now; the managers are called
   * again. Told after each try that failed.
   */
  | Readonly<{ kind: "stale"; staleMs: number; error: BerthError }>;

export type WatchOptions = Readonly<{
  /** Which tasks. A change of a task that does not match is not told, also if it matched before. */
  filter?: MessageInitShape<typeof TaskFilterSchema>;
  /** Begin after this revision, of an earlier word. Absent: with all tasks as they are. */
  afterRevision?: bigint;
  /** Ends the watch. */
  signal?: AbortSignal;
}>;

type Deps = ClientDeps & Readonly<{ servers: Servers; patience: Patience }>;

/** How far a watch has come. Belongs to one watch. */
type Progress = {
  /** Undefined: the next word is a list. */
  revision: bigint | undefined;
  heardMs: number;
  /** Tries in a row of which nothing came. */
  failures: number;
};

/**
 * Tasks and their changes, over restarts, fail-overs and dead connections, until the caller leaves
 * or `signal` aborts. It is never quiet for long: what it cannot tell it says is stale. Throws only
 * when a manager refuses the request.
 */
export async function* watchTasks(
  deps: Deps,
  options: WatchOptions,
): AsyncGenerator<WatchWord, void, undefined> {
  const { servers, clock } = deps;
  const { signal } = options;
  const progress: Progress = {
    revision: options.afterRevision,
    heardMs: clock.monotonic(),
    failures: 0,
  };
  while (!signal?.aborted) {
    const server = servers.current();
    const error = yield* watchOnce({ ...deps, ...options, server }, progress);
    if (signal?.aborted) return;
    if (isRefusal(error)) throw berthErrorOf(error);
    if (isHistoryGone(error, progress)) {
      progress.revision = undefined;
    } else {
      servers.leave(server);
      const staleMs = Math.round(clock.monotonic() - progress.heardMs);
      yield { kind: "stale", staleMs, error: berthErrorOf(error) };
      await clock.sleep(pauseAfter(error, ++progress.failures, deps), signal);
    }
  }
}

/** A list needs no history: a manager that says so of one has failed in another way. */
const isHistoryGone = (error: ConnectError, { revision }: Progress): boolean =>
  revision !== undefined && reasonOf(error) === "COMPACTED";

/** The others are asked at once. */
function pauseAfter(error: ConnectError, failures: number, { servers, random }: Deps): number {
  const round = failures - servers.count;
  return round < 0 ? 0 : Math.max(retryMsOf(error) ?? 0, backoffMs(round, PAUSES, random));
}

type Try = Deps & WatchOptions & Readonly<{ server: Server }>;

/** Watches at one manager until that fails, and answers with the reason. */
async function* watchOnce(
  { server, clock, patience, filter, signal }: Try,
  progress: Progress,
): AsyncGenerator<WatchWord, ConnectError, undefined> {
  const left = new AbortController();
  const leave = () => left.abort(signal?.reason);
  signal?.addEventListener("abort", leave, { once: true });
  if (signal?.aborted) leave();
  const hear = <T>(work: Promise<T>) =>
    orSilence(work, { clock, silenceMs: patience.silenceMs, signal: left.signal });
  try {
    const { header, message } = await hear(openWatch(server, progress, filter, left.signal));
    return yield* wordsOf(message[Symbol.asyncIterator](), {
      hear,
      progress,
      behindMs: Number(header.get("berth-stale-ms") ?? 0),
      nowMs: clock.monotonic,
    });
  } catch (error) {
    return ConnectError.from(error);
  } finally {
    signal?.removeEventListener("abort", leave);
    left.abort();
  }
}

type Hearing = Readonly<{
  hear: <T>(work: Promise<T>) => Promise<T>;
  progress: Progress;
  /** By how much the manager was behind its store when the watch began. */
  behindMs: number;
  nowMs: () => number;
}>;

/** What the messages of one stream mean, until it ends. */
async function* wordsOf(
  messages: AsyncIterator<WatchTasksResponse>,
  { hear, progress, behindMs, nowMs }: Hearing,
): AsyncGenerator<WatchWord, ConnectError, undefined> {
  const listing: Task[] = [];
  for (;;) {
    const next = await hear(messages.next());
    if (next.done) return unavailable("WATCH_ENDED", "the manager ended the watch");
    const word = wordOf(next.value, progress, listing);
    if (behindMs === 0) heard(progress, nowMs());
    else if (word?.kind === "current") return behind(behindMs);
    if (word) yield word;
  }
}

function heard(progress: Progress, nowMs: number): void {
  progress.heardMs = nowMs;
  progress.failures = 0;
}

/** A manager that does not reach its store: what it tells is true, but old. Another may know more. */
const behind = (ms: number) =>
  unavailable(
    "STORE_UNAVAILABLE",
    `the manager is ${ms} ms behind its store, which it cannot reach`,
  );

function openWatch(
  { transport }: Server,
  { revision }: Progress,
  filter: WatchOptions["filter"],
  signal: AbortSignal,
): Promise<StreamResponse<typeof WatchTasksRequestSchema, typeof WatchTasksResponseSchema>> {
  const request = {
    ...(filter && { filter }),
    ...(revision !== undefined && { afterRevision: revision }),
  };
  async function* input() {
    yield request;
  }
  const { watchTasks: method } = ManagerService.method;
  return transport.stream(method, signal, undefined, undefined, input());
}

/** What a message means after all before it. Undefined: there is more to a list than this. */
function wordOf(
  { changes, revision }: WatchTasksResponse,
  progress: Progress,
  listing: Task[],
): WatchWord | undefined {
  if (progress.revision === undefined) {
    for (const { task } of changes) if (task) listing.push(task);
    // Only the last part of a list has a revision, unless there has never been a task.
    if (revision === 0n && changes.length > 0) return undefined;
    progress.revision = revision;
    return { kind: "listed", tasks: listing, revision };
  }
  progress.revision = revision;
  return changes.length > 0
    ? { kind: "changed", changes, revision }
    : { kind: "current", revision };
}

/** Codes that say that the request itself is not as it must be: to repeat it helps nothing. */
const REFUSALS: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.Unauthenticated,
  Code.PermissionDenied,
  Code.Unimplemented,
]);

const isRefusal = ({ code }: ConnectError): boolean => REFUSALS.has(code);
