import { wasRefused } from "../../core/attempt-history.ts";
import { crashesOf } from "../../core/crash-report.ts";
import { findAttempt } from "../../core/live-attempts.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { createMailbox } from "../../lib/mailbox.ts";
import { createRecentMap } from "../../lib/recent-map.ts";
import { createBreather } from "../../lib/slices.ts";
import type { CrashReporter } from "./crash-reporter.ts";
import type { Ledger } from "./ledger.ts";
import type { LedgerChange } from "./ledger-change.ts";

type Deps = Readonly<{ ledger: Ledger; reporter: CrashReporter; clock: Clock; log: Log }>;

type Crash = Readonly<{ taskId: string; attempt: number; triesBefore: number }>;

/** Attempts that wait for their report. As many as a ledger holds tasks. */
const WAITING_MAX = 1_000_000;

/** Attempts that are known to have been seen to. */
const SEEN_MAX = 10_000;

/** Reports made at once: as many as the reporter asks workers. */
const AT_ONCE = 16;

/** A worker that cannot be asked is asked so often, so long apart. */
const TRIES_MAX = 3;
const RETRY_MS = 2_000;

/**
 * Has a report made of every attempt that fails or is lost, as soon as that is durable, until `signal`
 * aborts. What an earlier manager did not get to is made when somebody reads it.
 */
export async function runCrashLoop(deps: Deps, signal: AbortSignal): Promise<void> {
  const { ledger, clock } = deps;
  const seen = createRecentMap<string, true>(SEEN_MAX);
  const crashed = createMailbox<Crash>({ clock, limit: WAITING_MAX });
  const unsubscribe = ledger.subscribe((changes) => {
    for (const crash of changes.flatMap(crashesIn)) {
      const name = `${crash.taskId}/${crash.attempt}`;
      if (seen.get(name)) continue;
      seen.set(name, true);
      crashed.post(crash);
    }
  });
  const again = (crash: Crash) =>
    clock
      .sleep(RETRY_MS, signal)
      .then(() => crashed.post({ ...crash, triesBefore: crash.triesBefore + 1 }));
  const waiting = oneByOne(crashed.read(signal), createBreather(clock));
  const lane = async (): Promise<void> => {
    for await (const crash of waiting) if (!(await seeTo(crash, deps, signal))) void again(crash);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  unsubscribe();
}

/** Where a thousand workers are lost at once, others have their turn between two reports. */
async function* oneByOne(
  batches: AsyncIterable<readonly Crash[]>,
  breathe: () => Promise<void>,
): AsyncGenerator<Crash, void, undefined> {
  for await (const batch of batches)
    for (const crash of batch) {
      await breathe();
      yield crash;
    }
}

/** A worker that refused an attempt has nothing to tell of it, and another one follows at once. */
const crashesIn = ({ task, removed }: LedgerChange): readonly Crash[] =>
  removed
    ? []
    : crashesOf(task)
        .filter(({ workerId, attempt }) => workerId !== "" && !wasRefused(attempt))
        .map(({ number }) => ({ taskId: task.id, attempt: number, triesBefore: 0 }));

/** Whether there is nothing more to do. Who reads what failed here has it made then. */
async function seeTo(
  { taskId, attempt, triesBefore }: Crash,
  { ledger, reporter, log }: Deps,
  signal: AbortSignal,
): Promise<boolean> {
  const task = ledger.tasks.get(taskId);
  const known = task && findAttempt(task, attempt);
  if (!known || signal.aborted) return true;
  const order = triesBefore + 1 === TRIES_MAX ? "last" : undefined;
  try {
    const { isFinal } = await reporter.report(task, known, order);
    return isFinal || order === "last";
  } catch (err) {
    if (!signal.aborted) log.warn({ taskId, attempt, err }, "no crash report");
    return true;
  }
}
