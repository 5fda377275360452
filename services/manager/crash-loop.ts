import { wasRefused } from "../../core/attempt-history.ts";
import { crashesOf } from "../../core/crash-report.ts";
import { findAttempt } from "../../core/live-attempts.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { createMailbox } from "../../lib/mailbox.ts";
import { createRecentMap } from "../../lib/recent-map.ts";
import type { CrashReporter } from "./crash-reporter.ts";
import type { Ledger } from "./ledger.ts";
import type { LedgerChange } from "./ledger-change.ts";

type Deps = Readonly<{ ledger: Ledger; reporter: CrashReporter; clock: Clock; log: Log }>;

type Crash = Readonly<{ taskId: string; attempt: number }>;

/** Attempts that wait for their report. As many as a ledger holds tasks. */
const WAITING_MAX = 1_000_000;

/** Attempts that are known to have been seen to. */
const SEEN_MAX = 10_000;

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
  const underWay = new Set<Promise<void>>();
  for await (const crashes of crashed.read(signal))
    for (const crash of crashes) {
      const seeing = seeTo(crash, deps, signal).finally(() => underWay.delete(seeing));
      underWay.add(seeing);
    }
  unsubscribe();
  await Promise.all(underWay);
}

/** A worker that refused an attempt has nothing to tell of it, and another one follows at once. */
const crashesIn = ({ task, removed }: LedgerChange): readonly Crash[] =>
  removed
    ? []
    : crashesOf(task)
        .filter(({ workerId, attempt }) => workerId !== "" && !wasRefused(attempt))
        .map(({ number }) => ({ taskId: task.id, attempt: number }));

async function seeTo(crash: Crash, deps: Deps, signal: AbortSignal): Promise<void> {
  for (let tries = 1; !signal.aborted; tries++) {
    const order = tries === TRIES_MAX ? "last" : undefined;
    if ((await tryOnce(crash, { ...deps, signal }, order)) || order) return;
    await deps.clock.sleep(RETRY_MS, signal);
  }
}

/** Whether there is nothing more to do. Who reads what failed here has it made then. */
async function tryOnce(
  crash: Crash,
  deps: Deps & Readonly<{ signal: AbortSignal }>,
  order: "last" | undefined,
): Promise<boolean> {
  const { taskId, attempt } = crash;
  const task = deps.ledger.tasks.get(taskId);
  const known = task && findAttempt(task, attempt);
  if (!known) return true;
  try {
    return (await deps.reporter.report(task, known, order)).isFinal;
  } catch (err) {
    if (!deps.signal.aborted) deps.log.warn({ ...crash, err }, "no crash report");
    return true;
  }
}
