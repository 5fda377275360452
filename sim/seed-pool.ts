import { Worker } from "node:worker_threads";
import type { SeedJob, SeedResult } from "./seed-job.ts";

type Options = Readonly<{
  /** How many run at once. */
  threadCount: number;
  onResult: (result: SeedResult) => void;
  /** Ends everything early. */
  signal: AbortSignal;
}>;

/**
 * How many worlds a thread makes before another takes its place. A world that was left in the
 * middle of everything keeps some memory for good: Node holds combined abort signals that somebody
 * listens to.
 */
const THREAD_JOBS_MAX = 200;

/** With Node's own 48 MB of young objects a world takes a tenth longer: they live for an event or two. */
const resourceLimits = { maxYoungGenerationSizeMb: 128 };

/** Runs all jobs, each thread one at a time. Rejects when a thread dies. */
export async function runPool(jobs: Iterable<SeedJob>, options: Options): Promise<void> {
  const queue = jobs[Symbol.iterator]();
  await Promise.all(Array.from({ length: options.threadCount }, () => runLane(queue, options)));
}

async function runLane(queue: Iterator<SeedJob>, options: Options): Promise<void> {
  while (await runThread(queue, options));
}

/** The same file name as the other's, whether it was compiled or not. */
const threadUrl = new URL(import.meta.url.replace("seed-pool", "seed-thread"));

const ALL_DONE: IteratorResult<SeedJob> = { done: true, value: undefined };

/** Runs jobs in one thread. Resolves with whether there may be more. */
function runThread(
  queue: Iterator<SeedJob>,
  { onResult, signal }: Pick<Options, "onResult" | "signal">,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(threadUrl, { resourceLimits });
    let left = THREAD_JOBS_MAX;
    const finish = (hasMore: boolean) =>
      void thread.terminate().then(() => resolve(hasMore), reject);
    const next = () => {
      if (left-- === 0) return finish(true);
      const job = signal.aborted ? ALL_DONE : queue.next();
      if (job.done) finish(false);
      else thread.postMessage(job.value);
    };
    thread.on("error", reject);
    thread.on("message", (result: SeedResult) => {
      onResult(result);
      next();
    });
    next();
  });
}
