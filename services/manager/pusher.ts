import { toBinary } from "@bufbuild/protobuf";
import { type Client, ConnectError } from "@connectrpc/connect";
import type { Push } from "../../core/reconcile.ts";
import { TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import type { PushResult, WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import { isRetryable } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { Mailbox } from "../../lib/mailbox.ts";
import type { Ledger } from "./ledger.ts";
import type { Observer } from "./observer.ts";

type Deps = Readonly<{ ledger: Ledger; observer: Observer; log: Log }>;

/** What one call carries at most, well under the receiver's limit of 4 MiB a message. */
const CALL_BYTES_MAX = 1 << 20;
const CALL_ENTRIES_MAX = 500;

/** Tells one worker what it must do: what came in one turn goes out in one call a kind. */
export function createPusher(client: Client<typeof WorkerService>, deps: Deps) {
  const { ledger } = deps;
  const pushed = new Set<string>();
  const fence = { epoch: ledger.epoch, clusterId: ledger.clusterId };

  /** Pushes in the order of stops, starts, forgets, so that a start finds what a stop set free. */
  async function deliver(batch: readonly Push[]): Promise<void> {
    const fresh = batch.filter((push) => !pushed.has(keyOf(push)));
    for (const push of fresh) pushed.add(keyOf(push));
    const ofKind = (kind: Push["kind"]) => fresh.filter((push) => push.kind === kind);
    for (const part of chunks(ofKind("stop").map(stopRequest)))
      settle("stop", (await client.stopTasks({ requests: part })).results);
    for (const part of chunks(ofKind("start").flatMap(startRequest)))
      settle("start", (await client.startTasks({ requests: part })).results);
    const forgets = ofKind("forget");
    for (const part of chunks(forgets.map((push) => ({ ...nameOf(push), ...fence }))))
      settle("forget", (await client.forgetTasks({ requests: part })).results);
    for (const { taskId, attempt } of forgets)
      for (const kind of ["start", "stop", "forget"] as const)
        pushed.delete(keyOf({ kind, taskId, attempt }));
  }

  const stopRequest = (push: Push) => {
    const grace = ledger.tasks.get(push.taskId)?.stopGrace;
    return { ...nameOf(push), ...fence, ...(grace && { grace }) };
  };

  /** Nothing, when the task has gone or moved on since. */
  const startRequest = (push: Push) => {
    const task = ledger.tasks.get(push.taskId);
    if (!task?.spec || task.attempt?.number !== push.attempt) return [];
    return [{ ...nameOf(push), ...fence, spec: task.spec }];
  };

  /** What a worker refuses for now is tried again on a new link; what it refuses for good has failed. */
  function settle(kind: Push["kind"], results: readonly PushResult[]): void {
    for (const { taskId, attempt, error } of results) {
      if (!error) continue;
      const refusal = new ConnectError(error.message, error.code);
      if (isRetryable(refusal)) throw refusal;
      deps.log.warn({ taskId, attempt, kind, reason: error.message }, "push refused");
      if (kind === "start") deps.observer.refuse({ taskId, attempt }, error.message);
    }
  }

  return {
    async run(pushes: Mailbox<Push>, signal: AbortSignal): Promise<void> {
      for await (const batch of pushes.read(signal)) await deliver(batch);
    },
  };
}

const keyOf = ({ kind, taskId, attempt }: Push) => `${kind}/${taskId}/${attempt}`;

const nameOf = ({ taskId, attempt }: Push) => ({ taskId, attempt });

type Sized = Readonly<{ spec?: Parameters<typeof toBinary<typeof TaskSpecSchema>>[1] }>;

/** Parts that each fit into one call. */
function* chunks<T extends Sized>(requests: readonly T[]): Generator<T[]> {
  let part: T[] = [];
  let bytes = 0;
  for (const request of requests) {
    const size = request.spec ? toBinary(TaskSpecSchema, request.spec).length : 0;
    if (part.length === CALL_ENTRIES_MAX || (part.length > 0 && bytes + size > CALL_BYTES_MAX)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(request);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
