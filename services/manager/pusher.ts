import { type Client, Code } from "@connectrpc/connect";
import type { Push } from "../../core/reconcile.ts";
import type {
  AttemptReport,
  PushTasksResponse,
  WorkerService,
} from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { createPump, type Pump } from "../../lib/pump.ts";
import type { Slots } from "../../lib/slots.ts";
import { fromStatus } from "../../lib/status.ts";
import type { Ledger } from "./ledger.ts";
import type { Observer } from "./observer.ts";
import { jobOf, messageParts, pushMessage } from "./push-message.ts";
import { createPushStream, type PushStream } from "./push-stream.ts";

type Deps = Readonly<{
  ledger: Ledger;
  observer: Observer;
  clock: Clock;
  log: Log;
  /** Shared by all links. */
  slots: Slots;
}>;

/** The order within a batch: a start finds what a stop set free. */
const KINDS = ["stop", "start", "forget"] as const;

/** Refusals that the worker would repeat whoever asked again: the attempt has failed. */
const FINAL_CODES: readonly Code[] = [Code.InvalidArgument, Code.PermissionDenied];

/** Pushes that wait for one worker. A link that falls further behind starts over with a snapshot. */
const PUSHES_MAX = 20_000;

/** Tells one worker what it must do, and keeps in mind what the worker knows of. */
export interface Pusher extends Pump<Push> {
  /** The worker has told of an attempt. To be called before the push that answers it is posted. */
  hear(report: AttemptReport): void;
  /** The worker holds no trace of an attempt, whatever it was told: the next push is the first. */
  miss(name: AttemptName): void;
}

/** Until when pushes are delivered, and who hears that they cannot be: once at most. */
type Terms = Readonly<{ signal: AbortSignal; onFailure: (error: unknown) => void }>;

/**
 * Tells one worker what it must do, over one link: what came before its turn goes out in one
 * message. It begins after the snapshot, so what was neither started nor reported over the link is
 * not there.
 */
export function createPusher(
  client: Client<typeof WorkerService>,
  deps: Deps,
  { signal, onFailure }: Terms,
): Pusher {
  const { ledger, observer, clock, slots } = deps;
  const known = createMemory();
  let stream: PushStream | undefined;
  const isWanted = (push: Push) => jobOf(push, ledger) !== undefined;

  async function deliver(batch: readonly Push[]): Promise<void> {
    stream ??= createPushStream(client, { clock, signal });
    const due = batch.filter(isDue);
    const ordered = KINDS.flatMap((kind) => due.filter((push) => push.kind === kind));
    for (const part of messageParts(ordered, ledger)) {
      // A wish may have changed while the part before was under way.
      const told = part.filter((push) => push.kind !== "start" || isWanted(push));
      told.forEach(known.tell);
      settle(await stream.tell(pushMessage(told, ledger)), deps);
      told.forEach(known.told);
    }
  }

  /** Whether the worker must hear of it. A stop of what it never heard of ends here. */
  function isDue(push: Push): boolean {
    if (push.kind === "start") return !known.isStarted(push) && isWanted(push);
    if (push.kind === "forget" || known.isKnown(push)) return true;
    observer.vanish(push);
    return false;
  }

  const pump = createPump<Push>({
    limit: PUSHES_MAX,
    onFailure,
    work: (take) =>
      slots.run(async () => {
        // What comes while the link waits for its turn goes out with what it waits with.
        await clock.turn();
        const batch = take();
        if (!signal.aborted) await deliver(batch);
      }),
  });
  return { hear: known.hear, miss: known.drop, ...pump };
}

type AttemptName = Pick<Push, "taskId" | "attempt">;

/** What the worker was told of over this link, and told of, until it is forgotten. */
function createMemory() {
  /** Whether it was told to start, by attempt. */
  const known = new Map<string, boolean>();
  const drop = (name: AttemptName) => void known.delete(keyOf(name));
  const isStarted = (name: AttemptName) => known.get(keyOf(name)) === true;
  return {
    drop,
    /** A push goes out now. */
    tell(push: Push): void {
      if (push.kind === "start") known.set(keyOf(push), true);
    },
    /** The worker has answered a push. */
    told(push: Push): void {
      if (push.kind === "forget") drop(push);
    },
    hear: (name: AttemptName) => void known.set(keyOf(name), isStarted(name)),
    isStarted,
    isKnown: (name: AttemptName) => known.has(keyOf(name)),
  };
}

/** What a worker refuses for good has failed; anything else is tried again over a new link. */
function settle(
  { stops, starts, forgets }: PushTasksResponse,
  { observer, log }: Pick<Deps, "observer" | "log">,
): void {
  for (const { taskId, attempt, error } of starts) {
    if (!error) continue;
    const refusal = fromStatus(error);
    if (!FINAL_CODES.includes(refusal.code)) throw refusal;
    log.warn({ taskId, attempt, reason: refusal.rawMessage }, "start refused");
    observer.refuse({ taskId, attempt }, refusal.rawMessage);
  }
  for (const { error } of [...stops, ...forgets]) if (error) throw fromStatus(error);
}

const keyOf = ({ taskId, attempt }: AttemptName) => `${taskId}/${attempt}`;
