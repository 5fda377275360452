import type { LogEntry } from "../../gen/berth/v1/log_entry_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { EngineClient, EngineTask } from "./engine-client.ts";
import { OverdueError, toRuntimeError } from "./engine-error.ts";
import type { EngineLimits } from "./engine-limits.ts";
import { readChunks } from "./engine-stream.ts";
import { formatEngineTime } from "./engine-time.ts";
import { createLogFrames } from "./log-frames.ts";
import type { LogSelection } from "./runtime.ts";

type Deps = Readonly<{ engine: EngineClient; clock: Clock; limits: EngineLimits }>;

type Wanted = Readonly<{ containerId: string; selection: LogSelection; signal: AbortSignal }>;

/**
 * What a container wrote, one batch for each piece that the engine sends. Reads no faster
 * than the batches are taken. A container that is silent while followed may be so for ever;
 * logs that exist already must keep coming.
 */
export async function* readLogs(
  { engine, clock, limits }: Deps,
  { containerId, selection, signal }: Wanted,
): AsyncGenerator<readonly LogEntry[], void, undefined> {
  const task = logsTask(containerId, selection, limits);
  const idle = selection.follow
    ? undefined
    : { limitMs: limits.logStallMs, error: () => new OverdueError(task, limits.logStallMs) };
  const frames = createLogFrames();
  try {
    const stream = await engine.open(task, signal);
    for await (const chunk of readChunks(stream, { clock, signal, ...(idle && { idle }) })) {
      const entries = frames.push(chunk);
      if (entries.length > 0) yield entries;
    }
    const rest = frames.end();
    if (rest.length > 0) yield rest;
  } catch (error) {
    if (!signal.aborted) throw toRuntimeError(task, error);
  }
}

function logsTask(
  containerId: string,
  { follow, tail, sinceMs, stdout, stderr }: LogSelection,
  limits: EngineLimits,
): EngineTask {
  const query = {
    follow,
    stdout,
    stderr,
    timestamps: true,
    ...(tail !== undefined && { tail }),
    ...(sinceMs !== undefined && { since: formatEngineTime(sinceMs) }),
  };
  const request = { method: "GET", path: `/containers/${containerId}/logs`, query } as const;
  return { verb: "read logs of", subject: containerId, deadlineMs: limits.lookMs, request };
}
