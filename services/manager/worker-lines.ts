import { Code, ConnectError } from "@connectrpc/connect";
import type { Attempt } from "../../gen/berth/v1/task_pb.ts";
import { reasonOf, unavailable } from "../../lib/errors.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import type { WorkerTable } from "./worker-table.ts";

/** A way to a worker, until it is given back. */
export type Line = Readonly<{ channel: Channel; workerId: string; giveBack: () => void }>;

/** Ways to workers for what is much and may stall: logs, processes. Pushes have their own. */
export interface WorkerLines {
  /** To where the attempt was placed. Throws UNAVAILABLE while nobody knows where that is. */
  borrow(attempt: Attempt): Line;
}

type Deps = Readonly<{ workers: WorkerTable; connect: (address: string) => Channel }>;

type Shared = { readonly channel: Channel; userCount: number };

/**
 * One connection an address, however many streams go over it, for as long as there are any: a worker
 * lets a manager have only so many. Each stream is held up on its own.
 */
export function createWorkerLines({ workers, connect }: Deps): WorkerLines {
  const lines = new Map<string, Shared>();

  function open(address: string): Shared {
    const shared = { channel: connect(address), userCount: 0 };
    lines.set(address, shared);
    return shared;
  }

  return {
    borrow({ placement }) {
      const workerId = placement?.workerId ?? "";
      const address = addressOf(workerId, workers);
      const shared = lines.get(address) ?? open(address);
      shared.userCount++;
      return {
        channel: shared.channel,
        workerId,
        giveBack() {
          shared.userCount--;
          if (shared.userCount > 0) return;
          shared.channel.close();
          lines.delete(address);
        },
      };
    },
  };
}

function addressOf(workerId: string, workers: WorkerTable): string {
  const address = workers.get(workerId)?.presence.description?.address;
  if (address) return address;
  throw unavailable(
    "WORKER_UNKNOWN",
    `worker ${workerId} has not joined since the manager started`,
    { retryMs: 1_000 },
  );
}

/**
 * A worker's answer as the manager passes it on. One that was not reached must not be taken for the
 * manager itself, which clients would leave for another.
 */
export function fromWorker(error: unknown, { workerId }: Line): unknown {
  const { code, rawMessage } = ConnectError.from(error);
  if (code !== Code.Unavailable || reasonOf(error) === "ENGINE_UNAVAILABLE") return error;
  return unavailable(
    "WORKER_UNREACHABLE",
    `worker ${workerId} cannot be reached, see: berth workers: ${rawMessage}`,
    { retryMs: 1_000, cause: error },
  );
}
