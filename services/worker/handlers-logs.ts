import { create } from "@bufbuild/protobuf";
import { toMillis } from "../../core/time.ts";
import { type LogEntry, LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import {
  type WorkerServiceStreamTaskLogsRequest,
  type WorkerServiceStreamTaskLogsResponse,
  WorkerServiceStreamTaskLogsResponseSchema,
} from "../../gen/berth/v1/worker_service_pb.ts";
import { chunks } from "../../lib/chunks.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted, notFound, unavailable, wrongState } from "../../lib/errors.ts";
import { type Attempt, keyText } from "./attempt.ts";
import { checkLogs, refuse } from "./handlers-checks.ts";
import { createLogHub } from "./log-hub.ts";
import type { ReportFeed } from "./reports-feed.ts";
import { type AttemptKey, type LogSelection, type Runtime, RuntimeError } from "./runtime.ts";
import type { Supervisor } from "./supervisor.ts";

type Deps = Readonly<{
  supervisor: Pick<Supervisor, "adopted" | "find">;
  runtime: Pick<Runtime, "logs" | "inspect">;
  feed: ReportFeed;
  clock: Clock;
}>;

/** Log streams at once: each may hold a connection to the engine. */
export const LOG_STREAMS_MAX = 256;

/** What one message carries at most. Small, so that a slow reader costs little. */
const MESSAGE_LIMITS = {
  entriesMax: 1_000,
  bytesMax: 64 * 1_024,
  sizeOf: ({ data }: LogEntry) => data.byteLength,
};

type LogStreamer = (
  request: WorkerServiceStreamTaskLogsRequest,
  signal: AbortSignal,
) => AsyncGenerator<WorkerServiceStreamTaskLogsResponse, void, undefined>;

/** Streams what containers wrote, to so many readers at once. */
export function createLogStreamer(deps: Deps): LogStreamer {
  const hub = createLogHub(deps);
  let streamCount = 0;
  return async function* streamTaskLogs(request, signal) {
    refuse(checkLogs(request));
    if (streamCount >= LOG_STREAMS_MAX)
      throw exhausted("TOO_MANY_LOG_STREAMS", `${streamCount} log streams are open: close some`);
    streamCount++;
    try {
      await deps.supervisor.adopted();
      const containerId = await findContainer(deps, request, signal);
      const read = request.follow ? hub.follow : deps.runtime.logs;
      yield* readLogs(read, { request, containerId, signal });
    } finally {
      streamCount--;
    }
  };
}

/** A follower of an attempt that has no container yet waits for one. */
async function findContainer(
  deps: Deps,
  request: WorkerServiceStreamTaskLogsRequest,
  signal: AbortSignal,
): Promise<string> {
  const key = { taskId: request.taskId, attempt: request.attempt };
  const attempt = deps.supervisor.find(key);
  if (!attempt) throw notFound("attempt", keyText(key));
  const started = request.follow ? await whenStarted(deps.feed, attempt, signal) : attempt;
  const { stage } = started;
  const containerId = "container" in stage ? stage.container?.id : undefined;
  if (containerId === undefined || (stage.kind === "ended" && stage.remains !== "kept"))
    throw noContainer(started);
  return containerId;
}

const noContainer = ({ key, stage }: Attempt) => {
  const why = stage.kind === "ended" ? `it ended: ${stage.outcome.message}` : "it is starting";
  return wrongState("NO_CONTAINER", `attempt ${keyText(key)} has no container: ${why}`);
};

const hasStarted = ({ stage }: Attempt) => "container" in stage && stage.kind !== "starting";

/** Resolves once the attempt has started or ended, or `signal` has aborted. */
function whenStarted(feed: ReportFeed, attempt: Attempt, signal: AbortSignal): Promise<Attempt> {
  if (hasStarted(attempt)) return Promise.resolve(attempt);
  return new Promise((resolve) => {
    const finish = (latest: Attempt) => {
      unsubscribe();
      signal.removeEventListener("abort", leave);
      resolve(latest);
    };
    const leave = () => finish(attempt);
    const unsubscribe = feed.subscribe((latest) => {
      if (isSame(latest.key, attempt.key) && hasStarted(latest)) finish(latest);
    });
    signal.addEventListener("abort", leave, { once: true });
  });
}

const isSame = (a: AttemptKey, b: AttemptKey) => keyText(a) === keyText(b);

type Reading = Readonly<{
  request: WorkerServiceStreamTaskLogsRequest;
  containerId: string;
  signal: AbortSignal;
}>;

async function* readLogs(
  read: Runtime["logs"],
  { request, containerId, signal }: Reading,
): AsyncGenerator<WorkerServiceStreamTaskLogsResponse, void, undefined> {
  try {
    for await (const batch of read(containerId, selectionOf(request), signal))
      for (const entries of chunks(batch, MESSAGE_LIMITS))
        yield create(WorkerServiceStreamTaskLogsResponseSchema, { entries });
  } catch (error) {
    throw error instanceof RuntimeError ? asRpcError(error) : error;
  }
}

function selectionOf(request: WorkerServiceStreamTaskLogsRequest): LogSelection {
  const { follow, tail, since, streams } = request;
  const has = (stream: LogStream) => streams.length === 0 || streams.includes(stream);
  return {
    follow,
    tail,
    sinceMs: since && toMillis(since),
    stdout: has(LogStream.STDOUT),
    stderr: has(LogStream.STDERR),
  };
}

function asRpcError(error: RuntimeError) {
  const { kind, message } = error;
  if (kind === "engine-unavailable")
    return unavailable("ENGINE_UNAVAILABLE", message, { cause: error, retryMs: 1_000 });
  return wrongState(FailureReason[kind], message, { cause: error });
}
