import { Code, ConnectError } from "@connectrpc/connect";
import type { TaskChange } from "../gen/berth/v1/manager_service_pb.ts";
import type { Clock } from "../lib/clock.ts";
import { isRetryable, unavailable } from "../lib/errors.ts";
import type { Manager } from "./context.ts";
import type { TaskFilterInit } from "./list-all.ts";

/**
 * What a watch tells: changes, none when it is but a sign of life, or that the
 * manager is away and is being called again.
 */
export type Watched =
  | Readonly<{ kind: "changed"; changes: readonly TaskChange[] }>
  | Readonly<{ kind: "reconnecting"; error: ConnectError }>;

type Options = Readonly<{
  filter: TaskFilterInit;
  /** Begin after this revision. Undefined: with all tasks as they are. */
  afterRevision?: bigint | undefined;
  clock: Clock;
  signal: AbortSignal;
}>;

/** Waits between calls to a manager that is away; a manager restarts within seconds. */
const RECONNECT_DELAYS_MS = [100, 250, 500, 1000, 2000, 2000, 2000, 4000, 4000, 4000, 8000];

/**
 * Changes of tasks without gaps, over restarts of the manager. Throws when the
 * manager stays away, when it refuses, and OUT_OF_RANGE when the history since
 * `afterRevision` is no longer kept. Ends when `signal` aborts.
 */
export async function* watchTasks(
  manager: Manager,
  options: Options,
): AsyncGenerator<Watched, void, undefined> {
  const { clock, signal } = options;
  const progress: Progress = { revision: options.afterRevision, failures: 0 };
  while (!signal.aborted) {
    const error = yield* watchOnce(manager, options, progress);
    if (signal.aborted) return;
    const delayMs = RECONNECT_DELAYS_MS[progress.failures++];
    if (delayMs === undefined || !isRetryable(error)) throw error;
    if (progress.failures === 1) yield { kind: "reconnecting", error };
    await clock.sleep(delayMs, signal);
  }
}

/** How far a watch has come, and how often it failed since it last heard something. */
type Progress = { revision: bigint | undefined; failures: number };

/** Watches until the stream ends, and answers with the reason. */
async function* watchOnce(
  manager: Manager,
  { filter, signal }: Options,
  progress: Progress,
): AsyncGenerator<Watched, ConnectError, undefined> {
  const { revision } = progress;
  const request = { filter, ...(revision === undefined ? {} : { afterRevision: revision }) };
  try {
    for await (const answer of manager.watchTasks(request, { signal })) {
      progress.failures = 0;
      yield { kind: "changed", changes: answer.changes };
      if (answer.revision > 0n) progress.revision = answer.revision;
    }
  } catch (reason) {
    return ConnectError.from(reason);
  }
  return unavailable("WATCH_ENDED", "the manager ended the watch");
}

/** Whether a watch failed because its history is gone. */
export const isCompacted = (error: unknown): boolean =>
  ConnectError.from(error).code === Code.OutOfRange;
