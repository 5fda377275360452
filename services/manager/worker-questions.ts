import { Code, ConnectError } from "@connectrpc/connect";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { isRefused } from "../../lib/rpc/connection-refused.ts";
import { createSlots } from "../../lib/slots.ts";
import { isTakenOver, type WorkerTable } from "./worker-table.ts";

/** What came of a question. `refused`: the machine answered that nobody listens there. */
export type Answer = "given" | "refused" | "none";

/** Asks workers whether they are alive, each again and again for as long as that is of interest. */
export interface Questions {
  /** Goes on with these workers, begins with those that are new, stops with the others. */
  keep(workerIds: Iterable<string>): void;
}

type Deps = Readonly<{
  workers: Pick<WorkerTable, "get" | "at">;
  connect: (address: string) => Channel;
  clock: Clock;
  log: Log;
  onAnswer: (workerId: string, answer: Answer) => void;
}>;

/** A worker that lives answers within milliseconds; one that does not costs this much time. */
const ANSWER_MS_MAX = 1_000;

/** Between two questions to one worker. */
const PAUSE_MS_MIN = 1_000;

/**
 * By how much each worker that is asked lengthens the pause of all: a question costs both ends a
 * connection. A thousand asked every second leave workers on a busy machine, and the manager itself,
 * no time for the heartbeats whose absence is why they are asked.
 */
const PAUSE_MS_PER_WORKER = 10;

/** Questions under way. Who does not answer holds up others for a second. */
const QUESTIONS_AT_ONCE = 128;

/** Each worker waits once at most, and a registry takes fewer. */
const WAITING = {
  max: 1_000_000,
  refusal: (max: number) => exhausted("TOO_MANY_QUESTIONS", `${max} workers wait to be asked`),
};

export function createQuestions(deps: Deps, signal: AbortSignal): Questions {
  const asking = new Map<string, AbortController>();
  const slots = createSlots(QUESTIONS_AT_ONCE, WAITING);
  const pauseMs = () => Math.max(PAUSE_MS_MIN, asking.size * PAUSE_MS_PER_WORKER);

  function begin(workerId: string): void {
    const control = new AbortController();
    asking.set(workerId, control);
    void askAgainAndAgain(workerId, AbortSignal.any([signal, control.signal]));
  }

  async function askAgainAndAgain(workerId: string, until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      const answer = await slots.run(() => ask(workerId, deps, until));
      if (until.aborted) return;
      deps.onAnswer(workerId, answer);
      await deps.clock.sleep(pauseMs(), until);
    }
  }

  return {
    keep(workerIds) {
      const wanted = new Set(workerIds);
      for (const [workerId, control] of asking) {
        if (wanted.has(workerId)) continue;
        control.abort();
        asking.delete(workerId);
      }
      for (const workerId of wanted) if (!asking.has(workerId)) begin(workerId);
    },
  };
}

/** Over a connection of its own: an old one may be the very thing that is broken. */
async function ask(workerId: string, deps: Deps, signal: AbortSignal): Promise<Answer> {
  const address = addressOf(workerId, deps.workers);
  if (address === "" || signal.aborted) return "none";
  const channel = deps.connect(address);
  try {
    const client = createClient(WorkerService, channel);
    await client.getStats({}, { signal, timeoutMs: ANSWER_MS_MAX });
    return "given";
  } catch (err) {
    deps.log.debug({ workerId, address, err }, "worker asked whether it lives");
    if (isRefused(err)) return "refused";
    return SILENCE.includes(ConnectError.from(err).code) ? "none" : "given";
  } finally {
    channel.close();
  }
}

/** Any other error is an answer too. */
const SILENCE: readonly Code[] = [Code.Unavailable, Code.DeadlineExceeded, Code.Canceled];

/** Empty when it has none, or when another worker is there now. */
function addressOf(workerId: string, workers: Deps["workers"]): string {
  const worker = workers.get(workerId);
  if (!worker || isTakenOver(worker, workers)) return "";
  return worker.presence.description?.address ?? "";
}
