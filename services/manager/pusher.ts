import { type Client, Code, type ConnectError } from "@connectrpc/connect";
import { findAttempt, isWanted } from "../../core/live-attempts.ts";
import type { Push } from "../../core/reconcile.ts";
import type {
  AttemptReport,
  PushResult,
  WorkerService,
} from "../../gen/berth/v1/worker_service_pb.ts";
import type { Log } from "../../lib/log.ts";
import type { Mailbox } from "../../lib/mailbox.ts";
import { fromStatus } from "../../lib/status.ts";
import type { Ledger } from "./ledger.ts";
import type { Observer } from "./observer.ts";
import { callParts, createPushCalls } from "./push-calls.ts";

type Deps = Readonly<{ ledger: Ledger; observer: Observer; log: Log }>;

/** The order within a batch: a start finds what a stop set free. */
const KINDS = ["stop", "start", "forget"] as const;

/** Refusals that the worker would repeat whoever asked again: the attempt has failed. */
const FINAL_CODES: readonly Code[] = [Code.InvalidArgument, Code.PermissionDenied];

/** Tells one worker what it must do, and keeps in mind what the worker knows of. */
export interface Pusher {
  /** The worker has told of an attempt. To be called before the push that answers it is posted. */
  hear(report: AttemptReport): void;
  /** The worker holds no trace of an attempt, whatever it was told: the next push is the first. */
  miss(name: Pick<Push, "taskId" | "attempt">): void;
  /** Delivers what is posted until `signal` aborts. */
  run(pushes: Mailbox<Push>, signal: AbortSignal): Promise<void>;
}

/**
 * Tells one worker what it must do, over one link: what came in one turn goes out in one call a
 * kind. It begins after the snapshot, so what was neither started nor reported over the link is
 * not there.
 */
export function createPusher(client: Client<typeof WorkerService>, deps: Deps): Pusher {
  const { ledger, observer, log } = deps;
  const calls = createPushCalls(client, ledger);
  /** Starts told over this link, until the attempt is forgotten. */
  const started = new Set<string>();
  /** Attempts that the worker told of over this link, until they are forgotten. */
  const reported = new Set<string>();

  async function deliver(batch: readonly Push[]): Promise<void> {
    const due = batch.filter(isDue);
    const ofKind = (kind: Push["kind"]) => due.filter((push) => push.kind === kind);
    for (const push of ofKind("start")) started.add(keyOf(push));
    for (const kind of KINDS) await tell(kind, ofKind(kind));
    ofKind("forget").forEach(drop);
  }

  function drop(name: Pick<Push, "taskId" | "attempt">): void {
    started.delete(keyOf(name));
    reported.delete(keyOf(name));
  }

  /** Whether the worker must hear of it. A stop of what it never heard of ends here. */
  function isDue(push: Push): boolean {
    const key = keyOf(push);
    if (push.kind === "start") return !started.has(key) && isStillWanted(push);
    if (push.kind === "forget" || started.has(key) || reported.has(key)) return true;
    observer.vanish(push);
    return false;
  }

  function isStillWanted({ taskId, attempt }: Push): boolean {
    const task = ledger.tasks.get(taskId);
    const known = task && findAttempt(task, attempt);
    return task !== undefined && known !== undefined && isWanted(task, known);
  }

  async function tell(kind: Push["kind"], pushes: readonly Push[]): Promise<void> {
    for (const part of callParts(pushes, ledger)) {
      const { results } = await calls[kind](part);
      for (const result of results) settle(kind, result);
    }
  }

  /** What a worker refuses for good has failed; anything else is tried again over a new link. */
  function settle(kind: Push["kind"], { taskId, attempt, error }: PushResult): void {
    if (!error) return;
    const refusal: ConnectError = fromStatus(error);
    if (kind !== "start" || !FINAL_CODES.includes(refusal.code)) throw refusal;
    log.warn({ taskId, attempt, reason: refusal.rawMessage }, "start refused");
    observer.refuse({ taskId, attempt }, refusal.rawMessage);
  }

  return {
    hear: (report) => void reported.add(keyOf(report)),
    miss: drop,
    async run(pushes, signal) {
      for await (const batch of pushes.read(signal)) await deliver(batch);
    },
  };
}

const keyOf = ({ taskId, attempt }: Pick<Push, "taskId" | "attempt">) => `${taskId}/${attempt}`;
