import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { type EngineClient, type EngineTask, pingTask } from "./engine-client.ts";
import { OverdueError, refused, toRuntimeError } from "./engine-error.ts";
import type { EngineLimits } from "./engine-limits.ts";
import { readChunks } from "./engine-stream.ts";
import { createPullProgress, type PullNews } from "./pull-progress.ts";
import { pullReference } from "./pull-reference.ts";
import { type Runtime, RuntimeError } from "./runtime.ts";

type Deps = Readonly<{ engine: EngineClient; clock: Clock; log: Log; limits: EngineLimits }>;

/** A fetch under way, and how many wait for it. */
type Pull = { readonly done: Promise<void>; readonly control: AbortController; waiting: number };

/**
 * Fetches images. Those who want the same image at the same time share one fetch; it is
 * given up when the last of them has lost interest.
 */
export function createPuller(deps: Deps): Runtime["pull"] {
  const pulls = new Map<string, Pull>();

  function begin(image: string): Pull {
    const control = new AbortController();
    const pull = { done: fetchImage(deps, image, control), control, waiting: 0 };
    pulls.set(image, pull);
    return pull;
  }

  return async (image, signal) => {
    const pull = pulls.get(image) ?? begin(image);
    pull.waiting++;
    try {
      await untilCancelled(pull.done, image, signal);
    } finally {
      pull.waiting--;
      if (pull.waiting === 0) {
        if (pulls.get(image) === pull) pulls.delete(image);
        pull.control.abort(cancelled(image));
      }
    }
  };
}

/** One fetch, from the first byte to the last. Ends when `control` aborts, with its reason. */
async function fetchImage(deps: Deps, image: string, control: AbortController): Promise<void> {
  const { clock, limits } = deps;
  const task = pullTask(image, limits);
  const tooLong = () => control.abort(new OverdueError(task, limits.pullMs));
  const disarm = clock.after(limits.pullMs, tooLong);
  try {
    await followPull(deps, task, control.signal);
    control.signal.throwIfAborted();
  } catch (error) {
    const reason: unknown = control.signal.aborted ? control.signal.reason : error;
    throw await blame(deps, image, toRuntimeError(task, reason));
  } finally {
    disarm();
  }
}

async function followPull(deps: Deps, task: EngineTask, signal: AbortSignal): Promise<void> {
  const { engine, clock, log, limits } = deps;
  const limitMs = limits.pullStallMs;
  const idle = { limitMs, error: () => new OverdueError(task, limitMs) };
  const readNews = createPullProgress();
  const stream = await engine.open(task, signal);
  for await (const chunk of readChunks(stream, { clock, signal, idle })) {
    for (const news of readNews(chunk)) follow(news, task, log);
  }
}

function follow(news: PullNews, task: EngineTask, log: Log): void {
  if (news.kind === "failed") throw refused(task, { status: 200, words: news.words });
  if (news.kind === "garbage") {
    log.debug({ image: task.subject, line: news.start }, "unreadable progress of a pull");
  }
}

/** A silent pull of an engine that answers otherwise is the image registry's fault. */
async function blame(
  { engine, log }: Deps,
  image: string,
  error: RuntimeError,
): Promise<RuntimeError> {
  if (!(error instanceof OverdueError)) return error;
  try {
    await engine.tell(pingTask);
    return new RuntimeError(
      FailureReason.IMAGE_PULL_FAILED,
      `${error.message}, although the engine is well; does the registry of ${image} answer?`,
      error,
    );
  } catch (err) {
    log.debug({ image, err }, "engine silent during a pull");
    return error;
  }
}

const pullTask = (image: string, limits: EngineLimits): EngineTask => ({
  verb: "pull",
  subject: image,
  deadlineMs: limits.pullStallMs,
  request: { method: "POST", path: "/images/create", query: pullReference(image) },
});

const cancelled = (image: string) =>
  new RuntimeError("engine-unavailable", `pull ${image}: cancelled by the caller`);

/** Waits for a shared fetch, for as long as this caller wants it. */
function untilCancelled(done: Promise<void>, image: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = () => reject(cancelled(image));
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    done.then(resolve, reject).finally(() => signal.removeEventListener("abort", cancel));
  });
}
