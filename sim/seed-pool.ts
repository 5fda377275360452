import { Worker } from "node:worker_threads";
import type { SeedJob, SeedResult } from "./seed-job.ts";

type Options = Readonly<{
  /** How many run at once. */
  threadCount: number;
  onResult: (result: SeedResult) => void;
  /** Ends everything early. */
  signal: AbortSignal;
}>;

/** Runs all jobs, each thread one at a time. Rejects when a thread dies. */
export async function runPool(jobs: Iterable<SeedJob>, options: Options): Promise<void> {
  const { threadCount, onResult, signal } = options;
  const queue = jobs[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: threadCount }, () => runThread(queue, { onResult, signal })),
  );
}

/** The same file name as the other's, whether it was compiled or not. */
const threadUrl = new URL(import.meta.url.replace("seed-pool", "seed-thread"));

function runThread(
  queue: Iterator<SeedJob>,
  { onResult, signal }: Pick<Options, "onResult" | "signal">,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(threadUrl);
    const finish = () => void thread.terminate().then(() => resolve(), reject);
    const next = () => {
      const job = signal.aborted ? undefined : queue.next();
      if (!job || job.done) finish();
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
