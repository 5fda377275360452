import { liveOn } from "../../core/live-attempts.ts";
import { type Judgement, judgeWorkers, lossMs } from "../../core/worker-loss.ts";
import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import { watchStalls } from "../../lib/stall-watch.ts";
import type { Ledger } from "./ledger.ts";
import type { Observer } from "./observer.ts";
import type { RegistryWord } from "./registry-word.ts";
import { type Answer, createQuestions } from "./worker-questions.ts";
import { createSightings, type Sightings } from "./worker-sightings.ts";
import type { WorkerTable } from "./worker-table.ts";

type Deps = Readonly<{
  ledger: Ledger;
  workers: WorkerTable;
  word: RegistryWord;
  observer: Observer;
  connect: (address: string) => Channel;
  /** How long the registry counts a silent worker as up. */
  leaseMs: number;
  clock: Clock;
  log: Log;
}>;

/** How long the loop sleeps when no worker is gone. It is woken before. */
const IDLE_MS = 3_600_000;

/**
 * Declares workers lost until `signal` aborts, and with them their attempts: what follows is
 * decided as after any other end. It wakes when a worker goes or returns, when one answers or
 * does not, and when somebody's time is up. All it needs is in the ledger and comes from the
 * registry, so a manager that restarts goes on where the one before was.
 */
export async function runWorkerLoss(deps: Deps, signal: AbortSignal): Promise<void> {
  const { workers, word, clock } = deps;
  const round = createBell(clock);
  const sightings = createSightings(deps);
  const loss = createLoss(deps, sightings);
  const onAnswer = (workerId: string, answer: Answer) => {
    sightings.answer(workerId, answer);
    round.ring();
  };
  const questions = createQuestions({ ...deps, onAnswer }, signal);
  workers.subscribe((worker) => {
    if (sightings.notice(worker)) round.ring();
  });
  workers.all().forEach(sightings.notice);
  word.subscribe(() => loss.awaitsWord() && round.ring());
  const stalls = watchStalls(clock, loss.stall, signal);

  while (!signal.aborted) {
    const { asked, nextMs } = loss.judge();
    questions.keep(asked);
    await round.wait(signal, nextMs - clock.monotonic());
    await clock.turn();
  }
  await stalls;
}

type Outlook = Readonly<{ asked: readonly string[]; nextMs: number }>;

function createLoss(deps: Deps, sightings: Sightings) {
  const { ledger, workers, word, clock, leaseMs, log } = deps;
  let steadySinceMs = clock.monotonic();
  let awaitsWord = true;

  return {
    /** Whether the registry's next word may settle it. */
    awaitsWord: () => awaitsWord,
    stall(stallMs: number): void {
      steadySinceMs = clock.monotonic();
      log.warn({ stallMs }, "manager stalled, no worker is taken for lost for a lease");
    },
    /** Loses what is lost now. Who must be asked, and when to judge again. */
    judge(): Outlook {
      const nowMs = clock.monotonic();
      const weather = { nowMs, leaseMs, steadySinceMs, registryHeardMs: word.heardMs() };
      const judgement = judgeWorkers(sightings.all(), weather);
      tellBrake(judgement, workers, log);
      const taskMs = [...judgement.lost].map(([workerId, lostMs]) =>
        loseWorker({ workerId, lostMs, nowMs }, deps),
      );
      const asked = judgement.asked.filter((id) => ledger.tasks.placedCount(id) > 0);
      awaitsWord = judgement.awaitsWord;
      return {
        asked,
        nextMs: Math.min(judgement.nextMs ?? Number.POSITIVE_INFINITY, ...taskMs, nowMs + IDLE_MS),
      };
    },
  };
}

function tellBrake({ brakeReason }: Judgement, workers: WorkerTable, log: Log): void {
  if (workers.brakeReason() === brakeReason) return;
  workers.setBrakeReason(brakeReason);
  if (brakeReason === "") log.info({}, "brake off");
  else log.warn({ reason: brakeReason }, "brake on");
}

type Lost = Readonly<{ workerId: string; lostMs: number; nowMs: number }>;

/** Loses the attempts on a lost worker that are due. When the next one is. */
function loseWorker(
  { workerId, lostMs, nowMs }: Lost,
  { ledger, workers, observer }: Deps,
): number {
  const known = workers.get(workerId);
  if (known?.linked) workers.renewLink(workerId);
  const why = known?.presence.reason || "unknown to the registry";
  let nextMs = Number.POSITIVE_INFINITY;
  for (const task of [...ledger.tasks.placedOn(workerId)]) {
    const dueMs = lossMs(task, lostMs);
    if (dueMs > nowMs) nextMs = Math.min(nextMs, dueMs);
    else
      for (const { number } of liveOn(task, workerId))
        observer.lose({ taskId: task.id, attempt: number }, `worker ${workerId} was lost: ${why}`);
  }
  return nextMs;
}
