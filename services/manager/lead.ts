import type { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { assert } from "../../lib/assert.ts";
import { reasonOf } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { handlerFor } from "../../lib/rpc/delegate.ts";
import { createStop, whenAborted } from "../../lib/stop.ts";
import { meteredStore } from "../../lib/store/metered-store.ts";
import type { Reign } from "../../lib/store/shared-store.ts";
import { StoreError } from "../../lib/store/store.ts";
import { mendAssignments } from "./assignment-mending.ts";
import { guardedChannel } from "./guarded-channel.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import type { LedgerState } from "./ledger-state.ts";
import type { Role } from "./role.ts";
import type { Turns } from "./shared-manager.ts";
import { createTerm, type Term } from "./term.ts";

export type Leadership = Readonly<{
  state: LedgerState;
  reign: Reign;
  /** Whether what workers read is in step with the tasks. */
  areAssignmentsKept: boolean;
}>;

/**
 * Leads until leadership is lost, or until `signal` aborts. The state is then what is durable, for
 * all that is known. Throws when the store has failed for good.
 */
export async function lead(
  { state, reign, areAssignmentsKept }: Leadership,
  turns: Turns,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, roles, connect, setServing } = turns;
  const over = createStop();
  const end = () => over.abort();
  for (const cause of [signal, reign.lost]) cause.addEventListener("abort", end, { once: true });
  let failure: unknown;
  const onFailure = (error: unknown) => {
    if (over.signal.aborted && isOfTheEnd(error)) return;
    failure ??= error;
    end();
  };
  const store = meteredStore(reign.store, turns.meters.commitSeconds, clock);
  const ledger = createLedger(state, { store, clock, keepsAssignments: true, onFailure });
  const guarded = (address: string) => guardedChannel(connect(address), reign);
  const term = createTerm({ ...turns, leader: turns.name, ledger, store, connect: guarded }, turns);
  if (signal.aborted || reign.lost.aborted) end();
  roles.take(roleOf(term, reign, over.signal));
  setServing(true);
  log.info({ epoch: String(ledger.epoch) }, "this manager leads");
  const loops = term.run(over.signal).catch(onFailure);
  const mended =
    areAssignmentsKept || over.signal.aborted
      ? undefined
      : mendAssignments({ ledger, store, clock, log }, over.signal).catch(onFailure);
  await whenAborted(over.signal);

  state.asOfMs = clock.monotonic();
  await retire(ledger, reign, { stopping: signal, log });
  await Promise.all([loops, mended]);
  log.info({ epoch: String(ledger.epoch), err: failure }, "this manager no longer leads");
  if (failure !== undefined && !isLossOfLeadership(failure)) throw failure;
}

/** One that stops hands over what it was told; one that lost leadership cannot. */
async function retire(
  ledger: Ledger,
  reign: Reign,
  { stopping, log }: Readonly<{ stopping: AbortSignal; log: Log }>,
): Promise<void> {
  if (stopping.aborted) {
    const settled = ledger.settled().catch((err: unknown) => {
      log.warn({ err }, "what was told last is not durable");
    });
    await Promise.race([settled, whenAborted(reign.lost)]);
    ledger.retire();
    return reign.resign();
  }
  ledger.retire();
  // While the store is out of reach this takes as long as the lease, and there is other work.
  void reign.resign();
}

/** At the end of a turn the ledger refuses, and the store is closed, whoever may be using them. */
const isOfTheEnd = (error: unknown): boolean =>
  error instanceof StoreError || reasonOf(error) === "LEADERSHIP_LOST";

const isLossOfLeadership = (error: unknown): boolean =>
  error instanceof StoreError && error.kind !== "failed";

function roleOf({ handlers, view }: Term, reign: Reign, over: AbortSignal): Role {
  return {
    kind: "leader",
    view,
    over,
    isOver: () => over.aborted || !reign.leads(),
    async answer(method, request, context) {
      const answer = await handlerFor<typeof ManagerService>(handlers, method)?.(request, context);
      assert(answer && !(Symbol.asyncIterator in answer), `${method.name} has one answer`);
      return answer;
    },
    async *stream(method, request, context) {
      const answers = handlerFor<typeof ManagerService>(handlers, method)?.(request, context);
      assert(answers && Symbol.asyncIterator in answers, `${method.name} is answered by a stream`);
      yield* answers;
    },
  };
}
