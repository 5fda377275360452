import { type Client, Code, type ConnectError } from "@connectrpc/connect";
import type { Push } from "../../core/reconcile.ts";
import type {
  AttemptReport,
  PushResult,
  WorkerService,
} from "../../gen/berth/v1/worker_service_pb.ts";
import type { Log } from "../../lib/log.ts";
import type { Mailbox } from "../../lib/mailbox.ts";
import type { Slots } from "../../lib/slots.ts";
import { fromStatus } from "../../lib/status.ts";
import type { Ledger } from "./ledger.ts";
import type { Observer } from "./observer.ts";
import { callParts, createPushCalls, jobOf } from "./push-calls.ts";

type Deps = Readonly<{
  ledger: Ledger;
  observer: Observer;
  log: Log;
  /** Shared by all links. */
  slots: Slots;
}>;

/** The order within a batch: a start finds what a stop set free. */
const KINDS = ["stop", "start", "forget"] as const;

/** Refusals that the worker would repeat whoever asked again: the attempt has failed. */
const FINAL_CODES: readonly Code[] = [Code.InvalidArgument, Code.PermissionDenied];

/** Tells one worker what it must do, and keeps in mind what the worker knows of. */
export interface Pusher {
  /** The worker has told of an attempt. To be called before the push that answers it is posted. */
  hear(report: AttemptReport): void;
  /** The worker holds no trace of an attempt, whatever it was told: the next push is the first. */
  miss(name: AttemptName): void;
  /** Delivers what is posted until `signal` aborts. */
  run(pushes: Mailbox<Push>, signal: AbortSignal): Promise<void>;
}

/**
 * Tells one worker what it must do, over one link: what came before its turn goes out in one call a
 * kind. It begins after the snapshot, so what was neither started nor reported over the link is
 * not there.
 */
export function createPusher(client: Client<typeof WorkerService>, deps: Deps): Pusher {
  const { ledger, observer, slots } = deps;
  const calls = createPushCalls(client, ledger);
  const known = createMemory();
  const isWanted = (push: Push) => jobOf(push, ledger) !== undefined;

  async function deliver(batch: readonly Push[], signal: AbortSignal): Promise<void> {
    const due = batch.filter(isDue);
    const ofKind = (kind: Push["kind"]) => due.filter((push) => push.kind === kind);
    ofKind("start").forEach(known.start);
    for (const kind of KINDS) await tell(kind, ofKind(kind), signal);
    ofKind("forget").forEach(known.drop);
  }

  /** Whether the worker must hear of it. A stop of what it never heard of ends here. */
  function isDue(push: Push): boolean {
    if (push.kind === "start") return !known.isStarted(push) && isWanted(push);
    if (push.kind === "forget" || known.isKnown(push)) return true;
    observer.vanish(push);
    return false;
  }

  async function tell(
    kind: Push["kind"],
    pushes: readonly Push[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const part of callParts(pushes, ledger)) {
      const due = kind === "start" ? withoutMoot(part) : part;
      const { results } = await calls[kind](due, signal);
      for (const result of results) settle(kind, result, deps);
    }
  }

  /** A wish may change while an earlier call is under way: what is not told was not started. */
  function withoutMoot(starts: readonly Push[]): readonly Push[] {
    for (const push of starts) if (!isWanted(push)) known.undoStart(push);
    return starts.filter(isWanted);
  }

  return {
    hear: known.hear,
    miss: known.drop,
    async run(pushes, signal) {
      // What comes while the link waits for its turn goes out with what it waits with.
      const turn = async () => (signal.aborted ? undefined : deliver(await pushes.take(), signal));
      while (await pushes.filled(signal)) await slots.run(turn);
    },
  };
}

type AttemptName = Pick<Push, "taskId" | "attempt">;

/** What the worker was told of over this link, and told of, until it is forgotten. */
function createMemory() {
  const started = new Set<string>();
  const reported = new Set<string>();
  return {
    start: (name: AttemptName) => void started.add(keyOf(name)),
    undoStart: (name: AttemptName) => void started.delete(keyOf(name)),
    hear: (name: AttemptName) => void reported.add(keyOf(name)),
    isStarted: (name: AttemptName) => started.has(keyOf(name)),
    isKnown: (name: AttemptName) => started.has(keyOf(name)) || reported.has(keyOf(name)),
    drop(name: AttemptName): void {
      started.delete(keyOf(name));
      reported.delete(keyOf(name));
    },
  };
}

/** What a worker refuses for good has failed; anything else is tried again over a new link. */
function settle(
  kind: Push["kind"],
  { taskId, attempt, error }: PushResult,
  { observer, log }: Pick<Deps, "observer" | "log">,
): void {
  if (!error) return;
  const refusal: ConnectError = fromStatus(error);
  if (kind !== "start" || !FINAL_CODES.includes(refusal.code)) throw refusal;
  log.warn({ taskId, attempt, reason: refusal.rawMessage }, "start refused");
  observer.refuse({ taskId, attempt }, refusal.rawMessage);
}

const keyOf = ({ taskId, attempt }: AttemptName) => `${taskId}/${attempt}`;
