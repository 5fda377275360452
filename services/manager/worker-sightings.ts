import type { Departure, Sighting } from "../../core/worker-loss.ts";
import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Ledger } from "./ledger.ts";
import type { RegistryWord } from "./registry-word.ts";
import type { Answer } from "./worker-questions.ts";
import type { KnownWorker, WorkerTable } from "./worker-table.ts";

/** What has been seen of every worker that is known or that a task is placed on. */
export interface Sightings {
  /** Takes in that a worker changed. Whether that matters to who is lost. */
  notice(worker: KnownWorker): boolean;
  /** What came of the manager's own question to a worker. */
  answer(workerId: string, answer: Answer): void;
  all(): readonly Sighting[];
}

type Deps = Readonly<{
  ledger: Pick<Ledger, "tasks">;
  workers: Pick<WorkerTable, "all" | "get">;
  word: Pick<RegistryWord, "firstToldMs">;
  clock: Clock;
}>;

type Seen = Readonly<{
  gone: NonNullable<Sighting["gone"]>;
  absences: number;
  linked: boolean;
  /** What came of the manager's question since it went. Undefined: nothing yet, or a link. */
  answer: Answer | undefined;
}>;

export function createSightings({ ledger, workers, word, clock }: Deps): Sightings {
  /** Workers that the registry does not count as up. */
  const gone = new Map<string, Seen>();
  /** When each of the others went last. */
  const went = new Map<string, number>();

  /** Workers that hold tasks of which no registry has told since the manager started. */
  function* unheardOf(): Generator<Sighting> {
    const sinceMs = word.firstToldMs();
    if (sinceMs === undefined) return;
    for (const workerId of ledger.tasks.workerIds())
      if (!workers.get(workerId))
        yield { workerId, gone: { kind: "unheard", sinceMs }, silent: true };
  }

  function welcome(workerId: string): boolean {
    const before = gone.get(workerId);
    if (before) went.set(workerId, before.gone.sinceMs);
    return gone.delete(workerId);
  }

  function miss({ workerId, linked, absences }: KnownWorker, kind: Departure): boolean {
    const before = gone.get(workerId);
    const isNews = before?.gone.kind !== kind || before.absences !== absences;
    const sinceMs = isNews ? clock.monotonic() : before.gone.sinceMs;
    // A link that comes up is an answer.
    const isLinkedAnew = linked && before?.linked !== true;
    const answer = isNews || isLinkedAnew ? undefined : before.answer;
    gone.set(workerId, { gone: { kind, sinceMs }, absences, linked, answer });
    return isNews || before.linked !== linked;
  }

  return {
    notice(worker) {
      const kind = departureOf(worker);
      return kind === undefined ? welcome(worker.workerId) : miss(worker, kind);
    },
    answer(workerId, answer) {
      const seen = gone.get(workerId);
      if (seen) gone.set(workerId, { ...seen, answer });
    },
    all() {
      for (const workerId of went.keys()) if (!workers.get(workerId)) went.delete(workerId);
      const known = workers.all().map(({ workerId }) => ({
        wentMs: went.get(workerId),
        ...sightingOf(workerId, gone.get(workerId)),
      }));
      return [...known, ...unheardOf()];
    },
  };
}

function departureOf({ presence, absences }: KnownWorker): Departure | undefined {
  if (presence.state === WorkerState.UP) return undefined;
  if (presence.state === WorkerState.LEFT) return "left";
  return absences > 0 ? "absent" : "down";
}

/** One that left is not asked: the manager lets go of the link, and it goes itself. */
function sightingOf(workerId: string, seen: Seen | undefined): Sighting {
  if (!seen) return { workerId, silent: false };
  const { gone, linked, answer } = seen;
  if (gone.kind === "left") return { workerId, gone, silent: !linked };
  const isSilent = answer === "refused" || answer === "none";
  return { workerId, gone, silent: isSilent, refused: answer === "refused" };
}
