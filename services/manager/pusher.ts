import { type Client, ConnectError } from "@connectrpc/connect";
import type { Push } from "../../core/reconcile.ts";
import type { PushResult, WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import { isRetryable } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { Mailbox } from "../../lib/mailbox.ts";
import type { Ledger } from "./ledger.ts";
import type { Observer } from "./observer.ts";
import { callParts, createPushCalls } from "./push-calls.ts";

type Deps = Readonly<{ ledger: Ledger; observer: Observer; log: Log }>;

/** The order within a batch: a start finds what a stop set free. */
const KINDS = ["stop", "start", "forget"] as const;

/** Tells one worker what it must do: what came in one turn goes out in one call a kind. */
export function createPusher(client: Client<typeof WorkerService>, deps: Deps) {
  const { ledger, observer, log } = deps;
  const calls = createPushCalls(client, ledger);
  const told = new Set<string>();

  async function deliver(batch: readonly Push[]): Promise<void> {
    const fresh = batch.filter((push) => !told.has(keyOf(push)));
    for (const push of fresh) told.add(keyOf(push));
    for (const kind of KINDS)
      await tell(
        kind,
        fresh.filter((push) => push.kind === kind),
      );
    for (const push of fresh) if (push.kind === "forget") lapse(push);
  }

  async function tell(kind: Push["kind"], pushes: readonly Push[]): Promise<void> {
    for (const part of callParts(pushes, ledger)) {
      const { results } = await calls[kind](part);
      for (const result of results) settle(kind, result);
    }
  }

  /** After an attempt is forgotten nothing is remembered of it here either. */
  function lapse({ taskId, attempt }: Push): void {
    for (const kind of KINDS) told.delete(keyOf({ kind, taskId, attempt }));
  }

  /** What a worker refuses for now is tried again on a new link; what it refuses for good has failed. */
  function settle(kind: Push["kind"], { taskId, attempt, error }: PushResult): void {
    if (!error) return;
    const refusal = new ConnectError(error.message, error.code);
    if (isRetryable(refusal)) throw refusal;
    log.warn({ taskId, attempt, kind, reason: error.message }, "push refused");
    if (kind === "start") observer.refuse({ taskId, attempt }, error.message);
  }

  return {
    async run(pushes: Mailbox<Push>, signal: AbortSignal): Promise<void> {
      for await (const batch of pushes.read(signal)) await deliver(batch);
    },
  };
}

const keyOf = ({ kind, taskId, attempt }: Push) => `${kind}/${taskId}/${attempt}`;
